"""A child that dies is started again; one that cannot start says why."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

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
