"""What the JVM and the interpreters' processes print, read as it comes."""

from __future__ import annotations

import asyncio
import codecs
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO

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
        """Wait until so many bytes were read in all, and no more are to come for now."""
        while self._read < count:
            self._news.clear()
            await self._news.wait()
        _end(self._decoder, self._take)

    def close(self) -> None:
        """Stop reading, and delete the pipe."""
        asyncio.get_running_loop().remove_reader(self._descriptor)
        os.close(self._descriptor)
        self.path.unlink(missing_ok=True)


class ProcessPipe:
    """Reads what a process writes, as text, as soon as it is there.

    Args:
        stream: the end of a pipe.
        take: takes text as it comes.
    """

    def __init__(self, stream: IO[bytes], take: Callable[[str], None]) -> None:
        self._stream = stream
        self._take = take
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        os.set_blocking(stream.fileno(), False)
        asyncio.get_running_loop().add_reader(stream.fileno(), self.read)
        self._open = True

    def read(self) -> None:
        """Take all that is there."""
        while self._open:
            try:
                piece = os.read(self._stream.fileno(), CHUNK)
            except BlockingIOError:
                return
            if text := self._decoder.decode(piece, final=not piece):
                self._take(text)
            if not piece:
                self.close()

    def read_to_the_end(self) -> None:
        """Take all that is there; what comes later does not go on with it."""
        self.read()
        _end(self._decoder, self._take)

    def close(self) -> None:
        """Stop reading."""
        if self._open:
            self._open = False
            asyncio.get_running_loop().remove_reader(self._stream.fileno())
            self._stream.close()


def _end(decoder: codecs.IncrementalDecoder, take: Callable[[str], None]) -> None:
    """Take bytes that wait for the rest of a letter, and are none in UTF-8."""
    if text := decoder.decode(b"", final=True):
        take(text)
