"""What a process of ours is started with: a private file that is gone once it is read."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

VARIABLE = "HOPYARD_DRIVER_CONFIG"


def take() -> tuple[dict[str, Any], Path]:
    """Read the configuration and delete its file; return it and the folder that it was in."""
    name = os.environ.pop(VARIABLE, None)
    if name is None:
        sys.exit(f"{VARIABLE} must name the file of the driver's configuration.")
    file = Path(name)
    text = file.read_text()
    file.unlink()  # the secret lives in memory only
    content: dict[str, Any] = json.loads(text)
    return content, file.parent
