"""What a benchmark measured, and how it is shown: the median, and the noise around it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

Result = TypeVar("Result")
SMAPS = "/proc/{pid}/smaps_rollup"


@dataclass(frozen=True)
class Sample:
    """Times of several runs of one thing, in seconds."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle of the runs."""
        return statistics.median(self.values)

    def quantile(self, part: float) -> float:
        """The value that this part of the runs does not exceed."""
        ordered = sorted(self.values)
        return ordered[min(len(ordered) - 1, int(part * len(ordered)))]

    def __str__(self) -> str:
        low, high = min(self.values), max(self.values)
        if high < 1:
            return f"{self.median * 1000:.1f} ms ({low * 1000:.1f}–{high * 1000:.1f})"
        return f"{self.median:.2f} s ({low:.2f}–{high:.2f})"

    @property
    def percentiles(self) -> str:
        """p50 and p95 in words."""
        return f"{self.median * 1000:.1f} / {self.quantile(0.95) * 1000:.1f} ms"


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    what: str
    ours: str
    compared: str = "-"
    ratio: str = "-"
    aim: str = "-"

    @property
    def markdown(self) -> str:
        """The line as it stands in a page."""
        return f"| {self.what} | {self.ours} | {self.compared} | {self.ratio} | {self.aim} |"


def ratio(ours: float, compared: float) -> str:
    """Return how many times `compared` ours is."""
    return f"{ours / compared:.2f} ×"


async def until(
    ask: Callable[[], Awaitable[Result | None]], *, seconds: float, what: str, pause: float = 0.05
) -> Result:
    """Ask until there is an answer.

    Raises:
        TimeoutError: there was none in time.
    """
    import asyncio

    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if (answer := await ask()) is not None:
            return answer
        await asyncio.sleep(pause)
    raise TimeoutError(f"Not within {seconds:.0f} s: {what}")


def memory_mb(pid: int) -> float:
    """Return a process's proportional share of memory (PSS), in MB; 0 where it is gone."""
    try:
        lines = Path(SMAPS.format(pid=pid)).read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
