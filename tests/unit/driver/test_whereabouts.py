"""Where a driver dials: also a server that was started again at another address."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from hopyard.driver.home import FINAL, Home
from hopyard.driver.outbox import Outbox
from hopyard.driver.whereabouts import VARIABLE, url_of
from hopyard.launchers.local import LocalLauncher
from hopyard.launchers.sandbox import Sandbox
from hopyard.protocol.messages import GONE, REFUSED, RoomConfig
from hopyard.settings import Settings

NOWHERE = "ws://127.0.0.1:1/livy/drivers/7"


async def test_driver_finds_a_server_that_moved_while_it_dials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    launcher = LocalLauncher(Settings(data_dir=tmp_path))
    monkeypatch.setenv(VARIABLE, str(tmp_path / "run" / "home" / "address"))
    config = RoomConfig(session=7, url=NOWHERE, secret="s", orphan_timeout=20)
    assert url_of(config) == NOWHERE, "nothing is written down yet"
    calls: list[str] = []

    async def answer(socket: ServerConnection) -> None:
        assert socket.request is not None
        calls.append(socket.request.path)
        await socket.recv()
        await socket.send(json.dumps({"type": "welcome", "acked": 0}))
        await socket.close(GONE)

    home = asyncio.create_task(Home(config, Outbox(), lambda _: None, list).run())
    await asyncio.sleep(0)
    async with serve(answer, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        launcher.announce(f"ws://127.0.0.1:{port}/livy/drivers/")
        assert await asyncio.wait_for(home, 20) == "the session is over"
    assert calls == ["/livy/drivers/7"]


@pytest.mark.parametrize(("code", "why"), FINAL.items())
async def test_driver_that_is_refused_does_not_dial_again(code: int, why: str) -> None:
    def refuse(connection: ServerConnection, request: Request) -> Response:
        answer = connection.respond(403, "")
        answer.headers[REFUSED] = str(code)
        return answer

    async with serve(lambda _: asyncio.sleep(0), "127.0.0.1", 0, process_request=refuse) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        config = RoomConfig(session=7, url=f"ws://127.0.0.1:{port}/", secret="s")
        home = Home(config, Outbox(), lambda _: None, list)
        assert await asyncio.wait_for(home.run(), 10) == why


async def test_driver_dials_again_when_somebody_else_answers() -> None:
    def refuse(connection: ServerConnection, request: Request) -> Response:
        return connection.respond(404, "another server")

    async with serve(lambda _: asyncio.sleep(0), "127.0.0.1", 0, process_request=refuse) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        config = RoomConfig(session=7, url=f"ws://127.0.0.1:{port}/", secret="s", orphan_timeout=1)
        home = Home(config, Outbox(), lambda _: None, list)
        assert await asyncio.wait_for(home.run(), 10) == "home did not answer for 1 seconds"


def test_sandbox_shows_the_address_and_lets_nobody_write_it(tmp_path: Path) -> None:
    launcher = LocalLauncher(Settings(data_dir=tmp_path))
    launcher.announce("ws://127.0.0.1:1/")
    launcher.announce("ws://127.0.0.1:2/")
    program = (
        "print(open('/run/home/address').read())\n"
        "try: open('/run/home/address', 'w')\nexcept OSError as error: print(error.strerror)\n"
    )
    box = Sandbox(shown={tmp_path / "run" / "home": "/run/home"}, work_dir="/")
    done = subprocess.run(
        box.wrap([sys.executable, "-c", program]),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.stdout.splitlines() == ["ws://127.0.0.1:2/", "Read-only file system"], done.stderr
