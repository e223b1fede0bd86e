"""Killing any process with -9: nothing runs for ever, and the work goes on or starts again."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import psutil
import pytest
import pytest_asyncio

from hopyard.identity.hub import ANSWER_SECONDS, CACHE_SECONDS
from hopyard.launchers.sandbox import Sandbox
from tests.integration.test_platform import sign_in
from tests.platform import DEMO, PASSWORD, Hopyard, kill, temp_hopyard, until


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def wounded(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hopyard]:
    """A platform of this module's own: its processes are killed, and come back."""
    async with temp_hopyard(tmp_path_factory.mktemp("wounded")) as running:
        yield running


async def kill_and_wait(hopyard: Hopyard, name: str) -> None:
    """Kill one process of the platform and wait until another has taken its place."""
    old = hopyard.pids()[name]
    psutil.Process(old).kill()

    async def back() -> bool:
        return hopyard.pids().get(name, old) != old

    await until(f"{name} was started again", back, 30)


async def answers(hopyard: Hopyard, path: str, token: str | None = None) -> bool:
    """Say whether the address answers with what it should."""
    with contextlib.suppress(httpx.HTTPError):
        async with hopyard.client(token) as client:
            return (await client.get(path)).status_code == 200
    return False


async def works(hopyard: Hopyard) -> bool:
    """Say whether hub, web and livy answer at the platform's address."""
    token = await hopyard.token(DEMO)
    paths = ("hub/api/", f"api/v1/projects/{DEMO}/access", f"livy/projects/{DEMO}/sessions")
    for path in paths:
        if not await answers(hopyard, path, token):
            return False
    return True


@pytest.mark.parametrize("name", ["proxy", "hub", "web", "livy"])
async def test_killed_process_is_started_again_and_servers_live_on(
    wounded: Hopyard, name: str
) -> None:
    address = await wounded.start_server(DEMO)
    token = await wounded.token(DEMO)
    server = wounded.server_process()

    others = wounded.pids()
    await kill_and_wait(wounded, name)
    await until("the platform works again", lambda: works(wounded), 60)

    status = f"{address}api/status"
    await until("the server answers", lambda: answers(wounded, status, token), 60)
    assert server.is_running()
    now = wounded.pids()
    assert {n: p for n, p in now.items() if n != name} == {
        n: p for n, p in others.items() if n != name
    }


async def test_hub_that_hangs_is_said_within_seconds(wounded: Hopyard) -> None:
    token = await wounded.token(DEMO)
    async with wounded.client() as browser, wounded.client(token) as program:
        await sign_in(browser, wounded.admin, PASSWORD)
        assert (await browser.get("projects/")).status_code == 200
        await asyncio.sleep(CACHE_SECONDS)  # for so long it is known who they are

        async def asked(client: httpx.AsyncClient, path: str) -> None:
            begun = time.monotonic()
            answer = await client.get(path)
            assert answer.status_code == 503, answer.text
            assert f"The Hub did not answer within {ANSWER_SECONDS:g} s." in answer.text
            assert time.monotonic() - begun < ANSWER_SECONDS + 3, path

        hub = psutil.Process(wounded.pids()["hub"])
        hub.suspend()
        try:  # at once: after ten seconds the supervisor kills it
            await asyncio.gather(
                asked(browser, "projects/"),
                asked(program, f"api/v1/projects/{DEMO}"),
                asked(program, f"livy/projects/{DEMO}/sessions"),
            )
        finally:
            hub.resume()
    await until("the platform works again", lambda: works(wounded), 60)


SQUAT = """
import itertools, socket, sys
hosts = ["127.0.0.1", "0.0.0.0", "::", "::ffff:127.0.0.1"]
address, port = socket.SO_REUSEADDR, socket.SO_REUSEPORT
flags = [(), (address,), (port,), (address, port)]
for port, host, options in itertools.product(map(int, sys.argv[1:]), hosts, flags):
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as one:
        for option in options:
            one.setsockopt(socket.SOL_SOCKET, option, 1)
        try:
            one.bind((host, port))
            one.listen()
        except OSError:
            continue
        print(port, host, options)
"""


async def test_ports_of_killed_processes_cannot_be_taken_and_connections_wait(
    wounded: Hopyard, tmp_path: Path
) -> None:
    await wounded.start_server(DEMO)
    server = wounded.server_process()
    (own,) = [one.laddr.port for one in server.net_connections("tcp") if one.status == "LISTEN"]
    platform = wounded.platform
    doors = [
        f"{platform.proxy_api_url}api/routes",
        f"{platform.hub_url}hub/api/users",
        f"{platform.web_url}api/v1/projects",
        f"{platform.livy_url}livy/projects/{DEMO}/sessions",
        f"http://127.0.0.1:{own}/user/{DEMO}/{DEMO}/api/contents",
    ]
    ports = [wounded.port, *(httpx.URL(door).port or 0 for door in doors)]
    assert len(set(ports)) == 6

    later = httpx.AsyncClient(timeout=120, trust_env=False)
    async with httpx.AsyncClient(timeout=60, trust_env=False) as client:
        for door in doors:
            assert (await client.get(door)).status_code in (401, 403), door
    assert wounded.process
    supervisor, old = psutil.Process(wounded.process.pid), wounded.pids()
    supervisor.suspend()  # so that they stay away while somebody tries
    try:
        for pid in old.values():
            psutil.Process(pid).kill()
        server.kill()
        await asyncio.to_thread(psutil.wait_procs, [server], 10)
        # Not by the client of before: it may have a connection to the process that ends just now.
        asked = asyncio.create_task(later.get(f"{platform.web_url}api/openapi.json"))
        command = Sandbox(writable={tmp_path: "/project"}).wrap(
            [sys.executable, "-c", SQUAT, *map(str, ports)]
        )
        tried = await asyncio.to_thread(
            subprocess.run, command, capture_output=True, text=True, timeout=60, check=True
        )
        assert tried.stdout == ""
    finally:
        supervisor.resume()
    await until("the platform works again", lambda: works(wounded), 60)
    assert (await asked).status_code == 200, "who asked meanwhile is answered"
    await later.aclose()
    assert not set(wounded.pids().values()) & set(old.values())


async def test_killed_jupyter_server_is_noticed_and_starts_again(wounded: Hopyard) -> None:
    await wounded.start_server(DEMO)
    for process in wounded.running("-m hopyard.notebook"):
        if process.name() != "bwrap":
            process.kill()

    async def failed() -> bool:
        server = (await wounded.api(DEMO, "GET", f"projects/{DEMO}/jupyter/server")).json()
        return server["state"] == "failed" and "ended unexpectedly" in server["error"]

    await until("the page says that it ended", failed, 30)
    assert not wounded.running("-m hopyard.notebook")
    await wounded.start_server(DEMO)
    await wounded.stop_server(DEMO)
    assert not wounded.running("-m hopyard.notebook")


async def test_killed_outer_sandbox_leaves_no_server(wounded: Hopyard) -> None:
    await wounded.start_server(DEMO)
    outer = next(
        one for one in wounded.running("-m hopyard.notebook") if one.parent().name() != "bwrap"
    )
    outer.kill()

    async def gone() -> bool:
        return not wounded.running("-m hopyard.notebook")

    await until("the inner processes are gone", gone, 30)


async def test_killed_supervisor_takes_its_processes_along_and_servers_are_found_again(
    tmp_path: Path,
) -> None:
    hopyard = Hopyard(tmp_path / "data")
    try:
        await hopyard.start()
        address = await hopyard.start_server(DEMO)
        children = list(hopyard.pids().values())
        await hopyard.end(signal.SIGKILL)

        async def gone() -> bool:
            return not any(psutil.pid_exists(pid) for pid in children)

        await until("its processes are gone", gone, 10)
        server = hopyard.running("-m hopyard.notebook")
        assert server, "the Jupyter server outlives the crash"

        await hopyard.start()
        token = await hopyard.token(DEMO)
        status = f"{address}api/status"
        await until("the server is found", lambda: answers(hopyard, status, token), 30)
        assert all(one.is_running() for one in server)
        assert await hopyard.end() == 0
        assert not hopyard.remaining(), hopyard.remaining()
    finally:
        kill(hopyard)
