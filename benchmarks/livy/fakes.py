"""Drivers that speak the protocol and do nothing, for measuring the server alone.

`python -m benchmarks.livy.fakes PORT FOLDER` serves `hopyard livy` with a launcher that only says,
one line of JSON on stdout each, which driver is wanted; `FakeDriver` plays it in another process.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from hopyard.launchers.base import Launcher, Order, Process
from hopyard.protocol.messages import (
    DOWN,
    BatchReport,
    DownMessage,
    DriverConfig,
    Execute,
    Hello,
    Ready,
    Result,
    Started,
    Stream,
)


class Announcer(Launcher):
    """Says which driver is wanted, and believes that it runs."""

    project_folder = None

    async def start(self, order: Order) -> Process:
        """Say what is to be started."""
        print(order.config.model_dump_json(), flush=True)
        return {"launcher": "fake"}

    def announce(self, home: str) -> None:
        """Its drivers are told where home is when they are wanted."""

    async def check(self, process: Process) -> str | None:
        """It runs."""
        return None

    async def stop(self, process: Process) -> None:
        """It ends when its connection does."""

    def uploads(self, place: str) -> tuple[Path, str]:
        """Nothing is uploaded."""
        raise NotImplementedError

    async def release(self, process: Process) -> None:
        """There are no batches."""

    async def report(self, place: str) -> BatchReport:
        """There are no batches."""
        return BatchReport()

    async def clean(self, place: str) -> None:
        """There is nothing."""


class FakeDriver:
    """A driver that answers each statement at once; `hold:` in the code: never.

    Args:
        config: what the server started it with.
    """

    def __init__(self, config: DriverConfig) -> None:
        self._config = config
        self._seq = 0
        self._socket: ClientConnection

    async def run(self) -> None:
        """Be a driver until the server ends the connection."""
        headers = {"Authorization": f"Bearer {self._config.secret}"}
        async with connect(
            self._config.url,
            additional_headers=headers,
            compression=None,
            proxy=None,
            max_size=None,
        ) as self._socket:
            await self._socket.send(Hello(pid=os.getpid()).model_dump_json())
            await self._socket.recv()
            await self.send(Ready(app_id=f"fake-{self._config.session}"))
            with contextlib.suppress(ConnectionClosed):
                async for frame in self._socket:
                    await self.take(DOWN.validate_json(frame))

    async def take(self, message: DownMessage) -> None:
        """Take a message of the server."""
        if isinstance(message, Execute):
            await self._answer(message)

    async def send(self, message: Any) -> None:
        """Number a message and send it."""
        self._seq += 1
        message.seq = self._seq
        await self._socket.send(message.model_dump_json())

    async def _answer(self, message: Execute) -> None:
        number, at = message.statement, int(time.time() * 1000)
        await self.send(Started(statement=number, at=at))
        if message.code.startswith("hold:"):
            await self.send(Stream(statement=number, name="stdout", text="so far\n"))
        else:
            data = {"text/plain": "2"}
            await self.send(Result(statement=number, at=at, status="ok", data=data))


def main() -> None:
    """Serve with the announcing launcher."""
    from hopyard.cli import livy
    from hopyard.settings import Settings

    port, folder = int(sys.argv[1]), Path(sys.argv[2])
    settings = Settings(data_dir=folder, isolation="none", log_level="warning")
    settings.livy.sessions_per_user = 1000
    livy.serve(settings, None, port=port, no_token=True, launcher=Announcer())


if __name__ == "__main__":
    main()
