"""A driver's log file, read by lines."""

from __future__ import annotations

from collections import deque
from itertools import islice
from pathlib import Path

from hopyard.store.types import now

LINE_GUESS = 400


def say(file: Path, text: str) -> None:
    """Add a line of our own; a log that cannot be written is no reason to fail."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a", encoding="utf-8") as stream:
            stream.write(f"{now().isoformat(timespec='seconds')} hopyard: {text}\n")
    except OSError:
        return


def tail(file: Path, size: int) -> list[str]:
    """Return the last lines, without reading what is before them (and no longer than a screen)."""
    try:
        with file.open("rb") as stream:
            start = max(0, file.stat().st_size - size * LINE_GUESS)
            stream.seek(start)
            found = stream.read().decode(errors="replace").splitlines()
    except FileNotFoundError:
        return []
    return found[1 if start else 0 :][-size:]


def lines(file: Path, start: int, size: int) -> tuple[int, int, list[str]]:
    """Return (first line's number, number of all lines, lines); `start` below 0 is the tail."""
    try:
        with file.open(encoding="utf-8", errors="replace") as stream:
            if start < 0:
                tail = deque(enumerate(stream), maxlen=max(size, 1))
                total = tail[-1][0] + 1 if tail else 0
                kept = [line.rstrip("\n") for _, line in tail][: max(size, 0)]
                return total - len(kept), total, kept
            skipped = sum(1 for _ in islice(stream, start))
            kept = [line.rstrip("\n") for line in islice(stream, max(size, 0))]
            total = skipped + len(kept) + sum(1 for _ in stream)
            return min(start, total), total, kept
    except FileNotFoundError:
        return 0, 0, []
