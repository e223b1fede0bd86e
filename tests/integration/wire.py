"""A TCP proxy that a test can cut, stop half-way, slow down and close: a bad network."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from typing import Any

from tests.integration.livy import free_port

CHUNK = 65536


class Wire:
    """Passes connections on to a port of this machine."""

    def __init__(self, target: int) -> None:
        self.port = free_port()
        self._target = target
        self._loop = asyncio.new_event_loop()
        self._open: set[asyncio.Task[Any]] = set()
        self._frozen: set[asyncio.Task[Any]] = set()
        self.delay = 0.0
        """Seconds that each piece is held up."""
        self.closed = False
        """Whether new connections are refused at once."""
        self.lost_answers = 0
        """How many of the next answers are not passed on: the connection ends instead."""
        self.dialled = 0
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(asyncio.start_server(self._connected, "127.0.0.1", self.port))
        self._loop.run_forever()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end_all(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    async def _end_all(self) -> None:
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    def cut(self) -> None:
        """End all connections at once."""
        self._loop.call_soon_threadsafe(lambda: [task.cancel() for task in self._open])

    def freeze(self) -> None:
        """Let the connections that are there look open, and pass nothing on."""
        self._loop.call_soon_threadsafe(lambda: self._frozen.update(self._open))

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.dialled += 1
        if self.closed:
            writer.transport.abort()
            return
        there, back = await asyncio.open_connection("127.0.0.1", self._target)
        task = asyncio.ensure_future(self._both(reader, writer, there, back))
        self._open.add(task)
        try:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait({task})
        finally:
            self._open.discard(task)
            self._frozen.discard(task)
            writer.transport.abort()
            back.transport.abort()

    async def _both(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        there: asyncio.StreamReader,
        back: asyncio.StreamWriter,
    ) -> None:
        own = asyncio.current_task()
        ways = [
            asyncio.ensure_future(self._pass(own, reader, back)),
            asyncio.ensure_future(self._pass(own, there, writer, answers=True)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()

    async def _pass(
        self,
        own: Any,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        answers: bool = False,
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK):
                if answers and self.lost_answers:
                    self.lost_answers -= 1
                    return
                if own in self._frozen:
                    await asyncio.Event().wait()
                if self.delay:
                    await asyncio.sleep(self.delay)
                writer.write(data)
                await writer.drain()


@contextlib.contextmanager
def wire_to(port: int) -> Iterator[Wire]:
    wire = Wire(port)
    wire.start()
    try:
        yield wire
    finally:
        wire.stop()
