"""Work that goes on after a request was answered: kept until it is done, its failure logged."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from hopyard import log

_log = log.get(__name__)


class Background:
    """Tasks of one owner."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Begin some work."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.error("background work failed", exc_info=task.exception())

    async def finished(self) -> None:
        """Wait for all of it, and for what it began."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))
