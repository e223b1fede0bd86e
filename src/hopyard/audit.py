"""The audit log: what administrators did to others' accounts, one line of JSON each.

`logs/platform/audit.log` in the data directory is appended to by several processes; a line is
written at once and whole. Who, what and when; never a secret.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

from hopyard.settings import Settings

ROTATE_BYTES = 10_000_000


def audit_log(settings: Settings) -> Path:
    """Return the file."""
    return settings.logs_dir / "platform" / "audit.log"


def record(settings: Settings, who: str, what: str, **details: str | bool | int) -> None:
    """Write down one act.

    Args:
        settings: where the logs are.
        who: the administrator.
        what: in a few words, the same for each act of its kind.
        details: whom it concerned, and how.
    """
    line = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "who": who, "what": what}
    file = audit_log(settings)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if file.exists() and file.stat().st_size > ROTATE_BYTES:
        file.replace(file.with_name(f"{file.name}.1"))
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(descriptor, (json.dumps(line | details) + "\n").encode())
    finally:
        os.close(descriptor)
