"""Spark drivers of a platform whose processes are killed: the work goes on, nothing is left."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import pytest_asyncio

from tests.integration.test_platform_faults import kill_and_wait
from tests.platform import DEMO, Hopyard, kill, temp_hopyard, until

SESSIONS = f"livy/projects/{DEMO}/sessions"
START_SECONDS = 180.0
ORPHAN_SECONDS = 8


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def wounded(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hopyard]:
    """A platform of this module's own."""
    async with temp_hopyard(tmp_path_factory.mktemp("wounded")) as running:
        yield running


async def ask(hopyard: Hopyard, token: str, method: str, path: str, **body: Any) -> Any:
    """Ask livy at the platform's address."""
    async with hopyard.client(token) as client:
        response = await client.request(method, path, json=body or None)
    assert response.status_code < 400, response.text
    return response.json()


async def start_session(hopyard: Hopyard, token: str) -> str:
    """Start a session and wait until it is idle; return its address."""
    made = await ask(
        hopyard, token, "POST", SESSIONS, kind="pyspark", driverMemory="1g", numExecutors=1
    )
    path = f"{SESSIONS}/{made['id']}"

    async def idle() -> bool:
        state = (await ask(hopyard, token, "GET", path))["state"]
        assert state in ("not_started", "starting", "idle"), state
        return bool(state == "idle")

    await until("the session is idle", idle, START_SECONDS)
    return path


async def run(hopyard: Hopyard, token: str, session: str, code: str, kind: str = "pyspark") -> str:
    """Run a statement; return its text."""
    made = await ask(hopyard, token, "POST", f"{session}/statements", code=code, kind=kind)

    async def done() -> Any:
        statement = await ask(hopyard, token, "GET", f"{session}/statements/{made['id']}")
        return statement["output"] if statement["state"] == "available" else None

    output = await until("the statement is done", done, 120)
    assert output["status"] == "ok", output
    return str(output["data"]["text/plain"])


async def gone(hopyard: Hopyard) -> bool:
    """Say whether no driver of the platform runs."""
    return not hopyard.running("hopyard.driver") and not hopyard.running("org.apache.spark")


async def over(hopyard: Hopyard, token: str, session: str) -> bool:
    """Say whether a session has ended, or is not listed any more."""
    async with hopyard.client(token) as client:
        response = await client.get(session)
    return response.status_code == 404 or response.json()["state"] in ("dead", "error", "killed")


async def test_killed_livy_keeps_the_session(wounded: Hopyard) -> None:
    token = await wounded.token(DEMO)
    session = await start_session(wounded, token)
    assert await run(wounded, token, session, "x = 20; x + 1") == "21"
    await kill_and_wait(wounded, "livy")

    async def idle() -> bool:
        async with wounded.client(token) as client:
            response = await client.get(session)
        return response.status_code == 200 and response.json()["state"] == "idle"

    await until("the session is there again", idle, 60)
    assert await run(wounded, token, session, "x + 2") == "22"
    await ask(wounded, token, "DELETE", session)
    await until("the driver is gone", lambda: gone(wounded), 30)


@pytest.mark.parametrize("words", ["hopyard.driver", "org.apache.spark"])
async def test_killed_driver_leaves_nothing(wounded: Hopyard, words: str) -> None:
    token = await wounded.token(DEMO)
    session = await start_session(wounded, token)
    victims = [one for one in wounded.running(words) if one.name() != "bwrap"]
    assert victims
    victims[0].kill()
    await until("the session is over", lambda: over(wounded, token, session), 60)
    await until("the driver is gone", lambda: gone(wounded), 60)


async def test_session_of_a_server_ends_with_it(wounded: Hopyard) -> None:
    await wounded.start_server(DEMO)
    server = wounded.server_process()
    token = server.environ()["JUPYTERHUB_API_TOKEN"]
    await start_session(wounded, token)
    assert not await gone(wounded)
    await wounded.stop_server(DEMO)
    await until("the driver is gone", lambda: gone(wounded), 60)


async def test_stop_ends_sessions_and_a_crash_leaves_no_orphan(tmp_path: Path) -> None:
    hopyard = Hopyard(tmp_path / "data", HOPYARD_LIVY__ORPHAN_TIMEOUT=str(ORPHAN_SECONDS))
    try:
        await hopyard.start()
        await start_session(hopyard, await hopyard.token(DEMO))
        assert await hopyard.end(signal.SIGINT) == 0
        assert not hopyard.remaining(), hopyard.remaining()

        await hopyard.start()
        await start_session(hopyard, await hopyard.token(DEMO))
        await hopyard.end(signal.SIGKILL)
        assert hopyard.running("hopyard.driver"), "the driver outlives the crash for a while"
        await until("the driver ended itself", lambda: gone(hopyard), ORPHAN_SECONDS + 60)
        assert not [one for one in hopyard.remaining() if psutil.pid_exists(one.pid)]
    finally:
        kill(hopyard)
