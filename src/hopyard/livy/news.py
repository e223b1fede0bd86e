"""Waiting without polling: one `News` a session and a statement.

A change only sets an event that the waiting requests share, so a thousand changes with nobody
waiting cost nothing, and a request that went away leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable

SETTLE = 0.5
"""Seconds. News that are not the end yet are given only after a request has waited this long.

A plain client sleeps (sparkmagic: 0.2 s) after an answer that is not the end, so being told
"running" or half of the output after 3 ms would make short statements slower, not faster.
"""


class News:
    """Counts changes of one thing and wakes those who wait for the next one."""

    __slots__ = ("_waiting", "version")

    def __init__(self) -> None:
        self.version = 0
        self._waiting: asyncio.Event | None = None

    def tell(self) -> None:
        """Something changed."""
        self.version += 1
        if self._waiting is not None:
            self._waiting.set()
            self._waiting = None

    async def next(self, seen: int, seconds: float) -> bool:
        """Wait until something is newer than `seen`; say whether it is."""
        if self.version != seen or seconds <= 0:
            return self.version != seen
        if self._waiting is None:
            self._waiting = asyncio.Event()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._waiting.wait(), seconds)
        return self.version != seen


async def hold(news: News, done: Callable[[], bool], seconds: float) -> None:
    """Hold a GET until `done`, or until there is other news and `SETTLE` is over."""
    begun = time.monotonic()
    first = news.version
    while not done():
        waited = time.monotonic() - begun
        changed = news.version != first
        limit = min(seconds, SETTLE) if changed else seconds
        if waited >= limit:
            return
        await news.next(news.version, limit - waited)
