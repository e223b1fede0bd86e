"""A named pipe that the JVM prints to."""

from __future__ import annotations

import asyncio
import codecs
import os
from collections.abc import Callable
from pathlib import Path

CHUNK = 1 << 16


class Pipe:
    """Reads what the JVM prints, and knows when all of it is there.

    Args:
        path: where the pipe is made.
        take: takes text as it comes.
    """

    def __init__(self, path: Path, take: Callable[[str], None]) -> None:
        os.mkfifo(path, 0o600)
        self.path = path
        self._take = take
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        # Also for writing: a pipe that nobody writes to is at its end.
        self._descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        self._read = 0
        self._news = asyncio.Event()
        asyncio.get_running_loop().add_reader(self._descriptor, self._readable)

    def _readable(self) -> None:
        data = os.read(self._descriptor, CHUNK)
        self._read += len(data)
        self._news.set()
        if text := self._decoder.decode(data):
            self._take(text)

    async def until(self, count: int) -> None:
        """Wait until so many bytes were read in all."""
        while self._read < count:
            self._news.clear()
            await self._news.wait()

    def close(self) -> None:
        """Stop reading, and delete the pipe."""
        asyncio.get_running_loop().remove_reader(self._descriptor)
        os.close(self._descriptor)
        self.path.unlink(missing_ok=True)
