"""`python -m tests.contract URL [TOKEN]`: hold any Livy server against the protocol's table."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: python -m tests.contract URL [TOKEN]")
    os.environ["LIVY_URL"] = sys.argv[1].rstrip("/")
    if len(sys.argv) == 3:
        os.environ["LIVY_TOKEN"] = sys.argv[2]
    sys.exit(pytest.main(["-q", str(Path(__file__).with_name("test_conformance.py"))]))
