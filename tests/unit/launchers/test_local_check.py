"""How a driver on this machine ended is known from the moment on that its end is seen."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from pathlib import Path

import pytest

from hopyard.launchers import local
from hopyard.launchers.local import LocalLauncher
from hopyard.settings import Settings


async def test_end_that_comes_during_the_look_keeps_its_signal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    launcher = LocalLauncher(Settings(data_dir=tmp_path, isolation="none"))
    child = subprocess.Popen(["sleep", "600"], start_new_session=True)
    process = launcher._remember(child, child.pid, tmp_path / "go")
    assert await launcher.check(process) is None
    find = local.processes.find

    def killed_first(pid: int) -> local.processes.Process | None:
        if child.returncode is None:
            os.kill(child.pid, signal.SIGKILL)
            os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        return find(pid)

    monkeypatch.setattr(local.processes, "find", killed_first)
    ended = await launcher.check(process)
    assert ended is not None
    assert "SIGKILL" in ended
    await asyncio.to_thread(child.wait, 5)
