"""Saves a working copy whose disk is not durable while its Jupyter server runs.

A save that is under way when the server is stopped is given up: the stop makes one of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from pathlib import Path

from tornado.log import app_log

from hopyard.errors import HopyardError
from hopyard.hub.copy import Copy


class Saver:
    """The saves of one working copy.

    Args:
        copy: the working copy.
        log: of the Jupyter server.
    """

    def __init__(self, copy: Copy, log: Path) -> None:
        self._copy = copy
        self._log = log
        self._last = time.monotonic()
        self._task: asyncio.Task[None] | None = None

    def look(self) -> None:
        """Begin a save if it is time for one and none is under way."""
        every = self._copy.repositories.save_seconds
        if every is None or (self._task and not self._task.done()):
            return
        if time.monotonic() - self._last >= every:
            self._task = asyncio.create_task(self._save())

    async def _save(self) -> None:
        try:
            await self._copy.save(self._log)
        except (HopyardError, OSError) as error:  # the next turn tries again
            app_log.warning("The copy of %s was not saved: %s", self._copy.user, error)
        finally:
            self._last = time.monotonic()

    async def end(self) -> None:
        """Give up what is under way."""
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
