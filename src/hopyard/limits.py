"""Whether something was ended for the memory that it used: read inside of the sandbox.

The platform shows a folder there, in the words of Linux's control groups: `memory.events` (version
2) or `memory.oom_control` (version 1) count what was killed. Where it watches by itself, it writes
the files.
"""

from __future__ import annotations

from pathlib import Path

FOLDER = Path("/run/limits")
_COUNTS = ("memory.events", "memory.oom_control")
_LIMITS = ("memory.max", "memory.limit_in_bytes")


def killed(folder: Path = FOLDER) -> int:
    """Return how many processes were killed for memory so far."""
    for name in _COUNTS:
        for line in _text(folder / name).splitlines():
            word, _, count = line.partition(" ")
            if word == "oom_kill":
                return int(count)
    return 0


def ended(folder: Path = FOLDER) -> str:
    """Say how something ended that was killed for memory, with the limit."""
    limit = next((text for name in _LIMITS if (text := _text(folder / name).strip())), "")
    number = f"the {int(limit) // 2**20} MB" if limit.isdigit() else "all the memory"
    return f"was ended for its memory: its processes together used {number} that they may use"


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
