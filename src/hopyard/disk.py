"""How much of the disk a project uses, and what is said where that is too much.

It is measured by walking through its folders, now and then: a program that writes by itself is not
held back by it. That takes a file system with quotas.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path

KEPT_SECONDS = 30.0
"""How long an answer is good."""
_kept: dict[tuple[Path, ...], tuple[float, int]] = {}


def used(folders: Iterable[Path]) -> int:
    """Return the bytes that folders with all in them take on the disk (blocking)."""
    asked = tuple(folders)
    known = _kept.get(asked)
    if known is None or known[0] < time.monotonic():
        size = sum(map(_size, asked))
        known = _kept[asked] = time.monotonic() + KEPT_SECONDS, size
    return known[1]


def too_much(folders: Iterable[Path], limit_mb: int | None) -> str | None:
    """Say that a project has more files than it may, None where it has not."""
    if limit_mb is None or (taken := used(folders)) <= limit_mb * 2**20:
        return None
    _kept.clear()  # whoever deletes files now is not kept waiting
    return (
        f"The project uses {taken / 2**20:,.0f} MB of the disk and may use {limit_mb:,} MB: "
        "delete files first."
    )


def _size(folder: Path) -> int:
    size = 0
    waiting = [str(folder)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        size += entry.stat(follow_symlinks=False).st_blocks * 512
        except OSError:
            continue  # deleted meanwhile
    return size
