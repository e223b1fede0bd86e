"""A process of the platform that is stopped is noticed, killed and started again."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.integration.test_platform_faults import works
from tests.platform import DEMO, temp_hopyard, until

pytestmark = pytest.mark.skipif(not os.environ.get("HOPYARD_SOAK"), reason="for `make soak`")


async def test_stopped_process_is_replaced_and_servers_live_on(tmp_path: Path) -> None:
    async with temp_hopyard(tmp_path) as hopyard:
        await hopyard.start_server(DEMO)
        server = hopyard.server_process()
        for name in ("livy", "web", "hub", "proxy"):
            old = hopyard.pids()[name]
            os.kill(old, signal.SIGSTOP)

            async def replaced(name: str = name, old: int = old) -> bool:
                return hopyard.pids().get(name, old) != old

            await until(f"{name} was started again", replaced, 60)
            assert f"{name} is stopped (SIGSTOP): it is killed" in hopyard.said
            await until(f"the platform works without the old {name}", lambda: works(hopyard), 60)
        assert server.is_running()
