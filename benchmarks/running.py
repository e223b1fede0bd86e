"""A running Hopyard to measure: `hopyard up` with a data directory of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil

from benchmarks.measure import memory_mb, until
from benchmarks.plain_hub import free_port
from hopyard.cli.up import READY
from hopyard.hosts import LocalNames
from hopyard.identity.hub import HubClient
from hopyard.settings import Platform, Settings

ADMIN, PASSWORD, PROJECT = "admin", "a password for benchmarks", "bench"
PROCESSES = {
    "proxy": "configurable-http-proxy",
    "hub": "jupyterhub",
    "web": "hopyard.cli web",
    "livy": "hopyard.cli livy",
}


@dataclass(frozen=True)
class Running:
    """A platform that is ready."""

    url: str
    pid: int
    seconds: float
    """From the start of the command to the line that says that it is ready."""
    platform: Platform

    async def token(self) -> str:
        """Make a token of the administrator."""
        hub = HubClient(self.platform.hub_api_url, self.platform.cli_token.get_secret_value())
        try:
            return await hub.make_token(ADMIN, seconds=3600, note="benchmarks")
        finally:
            await hub.close()

    def memory(self) -> dict[str, float]:
        """Return the memory of each process of the platform in MB, by name."""
        found = {"supervisor": memory_mb(self.pid)}
        for child in psutil.Process(self.pid).children():
            line = " ".join(child.cmdline())
            name = next((name for name, words in PROCESSES.items() if words in line), child.name())
            found[name] = found.get(name, 0) + memory_mb(child.pid)
        return found

    def memory_of(self, module: str) -> float:
        """Return the memory in MB of the process trees below us that run a module of ours."""
        ours = psutil.Process(self.pid).children(recursive=True)
        roots = [process for process in ours if module in " ".join(_command(process))]
        trees = {p.pid for root in roots for p in [root, *root.children(recursive=True)]}
        return sum(memory_mb(pid) for pid in trees)


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


@contextlib.asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Running]:
    """Start the platform with its data in a folder; stop it afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    env = {name: value for name, value in os.environ.items() if not name.startswith("HOPYARD_")}
    env |= {
        "HOPYARD_DATA_DIR": str(folder / "data"),
        "HOPYARD_PORT": str(port),
        "HOPYARD_ADMIN_PASSWORD": PASSWORD,
        # Of rows as JSON, which ours are compared with.
        "HOPYARD_LIVY__OUTPUT_LIMIT": "1000000000",
    }
    begin = time.perf_counter()
    with (folder / "up.log").open("w") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "hopyard.cli", "up"),
            cwd=folder,
            env=env,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
        )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(120):
            async for line in process.stdout:
                if READY.encode() in line:
                    break
            else:
                raise RuntimeError(f"It did not start: {(folder / 'up.log').read_text()}")
        seconds = time.perf_counter() - begin
        settings = Settings(data_dir=folder / "data")
        url = f"http://localhost:{port}/"
        yield Running(url, process.pid, seconds, Platform.read(settings))
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
        await asyncio.wait_for(process.wait(), 90)


class Member:
    """The administrator in the project, over HTTP."""

    def __init__(self, running: Running, token: str) -> None:
        self.token = token
        port = urlsplit(running.url).port
        self.server_url = f"http://{ADMIN}.localhost:{port}/user/{ADMIN}/{PROJECT}/"
        self.http = httpx.AsyncClient(
            base_url=running.url,
            headers={"Authorization": f"Bearer {token}"},
            transport=LocalNames(),
            timeout=60,
        )
        self._api = f"api/v1/projects/{PROJECT}/jupyter"

    async def prepare(self) -> None:
        """Make the project and choose Spark."""
        (await self.http.post("api/v1/projects", json={"name": PROJECT})).raise_for_status()
        answer = await self.http.put(f"{self._api}/settings", json={"mode": "spark"})
        answer.raise_for_status()

    async def start_to_lab(self) -> float:
        """Press Start; return the seconds until JupyterLab answers."""
        begin = time.perf_counter()
        (await self.http.post(f"{self._api}/server")).raise_for_status()

        async def lab() -> float | None:
            answer = await self.http.get(f"{self.server_url}lab")
            return time.perf_counter() - begin if answer.status_code == 200 else None

        return await until(lab, seconds=120, what="JupyterLab of Hopyard")

    async def stop(self) -> None:
        """Press Stop, and wait for the end."""
        (await self.http.delete(f"{self._api}/server")).raise_for_status()

        async def stopped() -> bool | None:
            view = (await self.http.get(f"{self._api}/server")).json()
            return True if view["state"] == "stopped" else None

        await until(stopped, seconds=60, what="the server's end")
