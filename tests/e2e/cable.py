"""A network cable between the browser and the platform, which can be cut.

Playwright's `set_offline` leaves open WebSockets alone. Here bytes that are on their way when the
cable is cut are lost, as with a laptop that sleeps, and neither end is told until it is mended.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator


class Cable:
    """Forwards connections to a port of this machine."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._whole = True
        self._ends: set[asyncio.StreamWriter] = set()
        self._connections: set[asyncio.Task[None]] = set()
        self.url = ""

    @contextlib.asynccontextmanager
    async def laid(self) -> AsyncIterator[Cable]:
        """Listen on a free port: `url`."""
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.url = f"http://localhost:{server.sockets[0].getsockname()[1]}/"
        try:
            yield self
        finally:
            server.close()
            for task in self._connections:
                task.cancel()
            await asyncio.gather(*self._connections, return_exceptions=True)

    def cut(self) -> None:
        """Lose whatever is sent from now on."""
        self._whole = False

    def mend(self) -> None:
        """Forward new connections; those from before are broken."""
        self._whole = True
        for end in self._ends:
            end.transport.abort()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._connections.add(task)
        mine = {writer}
        try:
            inner, outer = await asyncio.open_connection("127.0.0.1", self._port)
            mine.add(outer)
            self._ends |= mine
            await asyncio.gather(self._pump(reader, outer), self._pump(inner, writer))
        except OSError:
            pass  # one end is gone, and the other is told below
        finally:
            self._ends -= mine
            for end in mine:
                end.close()
            self._connections.discard(task)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if self._whole:
                writer.write(data)
                await writer.drain()
        writer.close()
