"""A child that dies is started again; one that cannot start says why."""

from __future__ import annotations

import os
import signal
import socket
import sys
from pathlib import Path

import pytest

from hopyard import handed
from hopyard.cli import supervisor as supervising
from hopyard.cli.supervisor import Child, Supervisor
from hopyard.errors import SetupError
from tests.platform import until


async def _always() -> bool:
    return True


def child(tmp_path: Path, code: str) -> Child:
    return Child("part", [sys.executable, "-c", code], tmp_path / "part.log", _always, env={})


async def test_killed_child_is_started_again(tmp_path: Path) -> None:
    said: list[str] = []
    supervisor = Supervisor(said.append)
    part = child(tmp_path, "import time; time.sleep(60)")
    await supervisor.start(part)
    try:
        assert part.process
        old = part.process.pid
        part.process.kill()

        async def again() -> bool:
            return any("ready again" in line for line in said)

        await until("it was started again", again, 10)
        assert part.process.pid != old
    finally:
        await supervisor.stop(["part"])
    assert part.exit_code is not None


async def test_child_that_ends_at_its_start_says_why(tmp_path: Path) -> None:
    async def never() -> bool:
        return False

    part = child(tmp_path, "raise SystemExit('the reason')")
    part.ready = never
    with pytest.raises(SetupError, match="the reason"):
        await Supervisor(print).start(part)


async def test_child_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    code = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True)"
    part = child(tmp_path, f"{code}; time.sleep(60)")
    part.stop_seconds = 0.2
    supervisor = Supervisor(print)
    await supervisor.start(part)

    async def up() -> bool:
        return "up" in part.log.read_text()

    await until("it is up", up, 10)
    await supervisor.stop(["part"])
    assert part.exit_code == -9


ANSWERS = """
import sys
from hopyard import handed
listening = handed.take(int(sys.argv[1]))
while True:
    link, _ = listening.accept()
    link.sendall(b"x")
    link.close()
"""


async def test_connection_to_a_killed_child_waits_for_the_next_one(tmp_path: Path) -> None:
    with handed.make("127.0.0.1", 0) as listening:
        port = listening.getsockname()[1]
        part = Child(
            "part",
            [sys.executable, "-c", ANSWERS, str(port)],
            tmp_path / "part.log",
            _always,
            env=dict(os.environ),
            sockets=[listening],
        )
        supervisor = Supervisor(print)
        await supervisor.start(part)
        try:
            for _ in range(2):
                assert part.process
                part.process.kill()
                part.process.wait()
                with pytest.raises(OSError, match="in use"):
                    handed.make("0.0.0.0", port)
                with socket.create_connection(("127.0.0.1", port), 1) as link:

                    async def again(old: int = part.process.pid) -> bool:
                        return part.process is not None and part.process.pid != old

                    await until("it was started again", again, 10)
                    link.settimeout(10)
                    assert link.recv(1) == b"x"
        finally:
            await supervisor.stop(["part"])


async def _restarted(part: Child, said: list[str]) -> None:
    """Wait until a child was killed for its silence and runs again."""
    supervisor = Supervisor(said.append)
    await supervisor.start(part)
    assert part.process
    old = part.process.pid
    if part.lives is None:
        part.lives = _never
        os.kill(old, signal.SIGSTOP)
    try:

        async def again() -> bool:
            return part.process is not None and part.process.pid != old

        await until("it was started again", again, 10)
    finally:
        await supervisor.stop(["part"])


async def _never() -> bool:
    return False


async def test_stopped_child_is_killed_and_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervising, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(supervising, "STOPPED_SECONDS", 0.5)
    said: list[str] = []
    await _restarted(child(tmp_path, "import time; time.sleep(60)"), said)
    assert "part is stopped (SIGSTOP): it is killed" in said[1]


async def test_child_that_is_silent_for_long_is_killed_and_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervising, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(supervising, "SILENT_SECONDS", 0.5)
    said: list[str] = []
    part = child(tmp_path, "import time; time.sleep(60)")
    part.lives = _never
    await _restarted(part, said)
    assert "part has not answered for" in said[1]


async def test_child_that_answers_late_lives_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervising, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(supervising, "SILENT_SECONDS", 5.0)
    asked = 0

    async def seldom() -> bool:
        nonlocal asked
        asked += 1
        return asked % 5 == 0

    part = child(tmp_path, "import time; time.sleep(60)")
    part.lives = seldom
    said: list[str] = []
    supervisor = Supervisor(said.append)
    await supervisor.start(part)
    try:

        async def often() -> bool:
            return asked > 12

        await until("it was asked often", often, 20)
        assert part.exit_code is None and len(said) == 1
    finally:
        await supervisor.stop(["part"])


async def test_log_of_a_child_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervising, "LOOK_SECONDS", 0.05)
    code = "import time\nfor n in range(10**9): print('first' if n < 1 else 'x' * 999, flush=True)"
    part = child(tmp_path, code)
    part.log_most = 4 * 2**20
    supervisor = Supervisor(print)
    await supervisor.start(part)
    try:

        async def cut() -> bool:
            return "bytes were cut here: a log may have 4 MB" in part.log.read_text()

        await until("the log is cut", cut, 20)
        assert part.log.read_text().startswith("first")
    finally:
        await supervisor.stop(["part"])


async def test_child_that_cannot_be_started_is_tried_again(tmp_path: Path) -> None:
    said: list[str] = []
    supervisor = Supervisor(said.append)
    part = child(tmp_path, "import time; time.sleep(60)")
    await supervisor.start(part)
    try:
        assert part.process
        command, part.command = part.command, ["/nowhere"]
        part.process.kill()

        async def tried() -> bool:
            return any("starting it again in" in line for line in said)

        await until("it was tried once", tried, 10)
        part.command = command

        async def again() -> bool:
            return any("ready again" in line for line in said)

        await until("it was started again", again, 10)
    finally:
        await supervisor.stop(["part"])
