"""A real platform for tests: `hopyard demo` on free ports with a data directory of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil

from hopyard.cli.up import READY
from hopyard.hosts import LocalNames
from hopyard.identity.hub import HubClient
from hopyard.settings import Platform, Settings

ADMIN = "admin"
PASSWORD = "a password for tests"
DEMO = "demo"
START_SECONDS = 120.0
T = TypeVar("T")
STOP_SECONDS = 60.0


async def until(
    what: str, ask: Callable[[], Awaitable[T]], seconds: float = 60.0, pause: float = 0.1
) -> T:
    """Ask until the answer is true, and return it; fail with `what` when the time is over."""
    end = time.monotonic() + seconds
    while True:
        answer = await ask()
        if answer:
            return answer
        assert time.monotonic() < end, f"not within {seconds:.0f} s: {what}"
        await asyncio.sleep(pause)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class Hopyard:
    """One platform: started, stopped, killed, asked."""

    def __init__(
        self,
        data_dir: Path,
        command: str = "demo",
        *,
        password: str | None = PASSWORD,
        **environment: str,
    ) -> None:
        self.data_dir = data_dir
        self.admin = ADMIN
        self.password = password
        self.port = free_port()
        self.url = f"http://localhost:{self.port}/"
        self.settings = Settings(data_dir=data_dir, port=self.port)
        self.output = data_dir.with_name(f"{data_dir.name}.out")
        self.process: subprocess.Popen[bytes] | None = None
        self._command = command
        self._environment = environment
        self._tokens: dict[str, str] = {}

    # --- life ------------------------------------------------------------------------------------

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment of its commands: nothing of the machine's own Hopyard."""
        clean = {n: v for n, v in os.environ.items() if not n.startswith("HOPYARD_")}
        return clean | {
            "HOPYARD_DATA_DIR": str(self.data_dir),
            "HOPYARD_PORT": str(self.port),
            **({"HOPYARD_ADMIN_PASSWORD": self.password} if self.password else {}),
            **self._environment,
        }

    def launch(self) -> None:
        """Start the command; its output is in `self.output`."""
        with self.output.open("wb") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "hopyard.cli", self._command],
                env=self.environment,
                cwd=self.data_dir.parent,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    async def start(self) -> float:
        """Start, and wait until it is ready; return the seconds that it took."""
        begun = time.monotonic()
        self.launch()

        async def ready() -> bool:
            assert self.process and self.process.poll() is None, self.said
            return READY in self.said

        await until("the platform is ready", ready, START_SECONDS)
        return time.monotonic() - begun

    @property
    def said(self) -> str:
        """What it printed."""
        return self.output.read_text() if self.output.exists() else ""

    async def end(self, number: signal.Signals = signal.SIGINT) -> int:
        """Send a signal to the supervisor and wait for its end; return the exit code."""
        assert self.process
        if self.process.poll() is None:
            self.process.send_signal(number)
        return await asyncio.to_thread(self.process.wait, STOP_SECONDS)

    @property
    def platform(self) -> Platform:
        """What it decided: addresses and tokens."""
        return Platform.read(self.settings)

    def pids(self) -> dict[str, int]:
        """Return the ids of proxy, hub, web and livy, as far as they run."""
        words = {
            "proxy": "configurable-http-proxy",
            "hub": "jupyterhub_config.py",
            "web": "hopyard.cli web",
            "livy": "hopyard.cli livy",
        }
        assert self.process
        found = {}
        for child in psutil.Process(self.process.pid).children():
            with contextlib.suppress(psutil.Error):
                line = " ".join(child.cmdline())
                found |= {name: child.pid for name, text in words.items() if text in line}
        return found

    def remaining(self) -> list[psutil.Process]:
        """Return all processes that belong to this platform.

        Those that name its data directory or its addresses, and all below them: what runs in a
        sandbox names neither.
        """
        marks = [str(self.data_dir)]
        if self.settings.platform_file.exists():
            marks.append(self.platform.livy_url)
        found: dict[int, psutil.Process] = {}
        for process in psutil.process_iter():
            try:
                text = " ".join(process.cmdline()) + " ".join(process.environ().values())
                if any(mark in text for mark in marks):
                    below = process.children(recursive=True)
                    found |= {one.pid: one for one in (process, *below)}
            except psutil.Error:
                continue  # it ended, or is somebody else's
        return [one for one in found.values() if _lives(one)]

    def running(self, words: str) -> list[psutil.Process]:
        """Return those of its processes whose command line contains `words`."""
        found = []
        for process in self.remaining():
            with contextlib.suppress(psutil.Error):
                if words in " ".join(process.cmdline()):
                    found.append(process)
        return found

    def server_process(self) -> psutil.Process:
        """Return the Jupyter server that runs: not the sandbox around it, nor a kernel of it."""
        words = ["-m", "hopyard.notebook"]
        found = [one for one in self.running(" ".join(words)) if one.cmdline()[-2:] == words]
        return next(one for one in found if one.name() != "bwrap")

    # --- asking ----------------------------------------------------------------------------------

    def client(self, token: str | None = None) -> httpx.AsyncClient:
        """Return a client of its public address, with a token or without."""
        return httpx.AsyncClient(
            base_url=self.url,
            headers={"Authorization": f"Bearer {token}"} if token else {},
            timeout=30,
            transport=LocalNames(),
        )

    @property
    def cli_token(self) -> str:
        """The token of the command line's service."""
        return self.platform.cli_token.get_secret_value()

    async def hub(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """Ask the Hub's API as the command line's service."""
        async with self.client(self.cli_token) as client:
            return await client.request(method, f"hub/api/{path}", **arguments)

    async def token(self, user: str) -> str:
        """Return a token of a user, like those made at `/hub/token`."""
        if user not in self._tokens:
            client = HubClient(self.platform.hub_api_url, self.cli_token)
            try:
                self._tokens[user] = await client.make_token(user, seconds=7200, note="tests")
            finally:
                await client.close()
        return self._tokens[user]

    async def add_user(self, name: str) -> str:
        """Make an account without a password; return a token of it."""
        response = await self.hub("POST", f"users/{name}")
        assert response.status_code in (201, 409), response.text
        return await self.token(name)

    async def api(self, user: str, method: str, path: str, **arguments: Any) -> httpx.Response:
        """Ask the REST API of projects as a user; the path is below `/api/v1/`."""
        async with self.client(await self.token(user)) as client:
            return await client.request(method, f"api/v1/{path}", **arguments)

    # --- Jupyter servers -------------------------------------------------------------------------

    async def start_server(self, user: str, project: str = DEMO) -> str:
        """Start a Jupyter server as its user and wait until it is ready; return its address."""
        async with self.client(await self.token(user)) as client:
            path = f"hub/api/users/{user}/servers/{project}"
            response = await client.post(path)
            runs = "already running" in response.text
            assert runs or response.status_code in (201, 202), response.text

            async def ready() -> bool:
                known = (await client.get(f"hub/api/users/{user}")).json()["servers"]
                assert project in known, "the server did not start"
                return bool(known[project]["ready"])

            await until("the Jupyter server is ready", ready, 90)
        return self.server_url(user, project)

    def server_url(self, user: str, project: str = DEMO) -> str:
        """Return the address of a member's Jupyter server, at the member's own host."""
        return f"http://{user}.localhost:{self.port}/user/{user}/{project}/"

    async def stop_server(self, user: str, project: str = DEMO) -> None:
        """Stop a Jupyter server and wait until it is gone."""
        async with self.client(await self.token(user)) as client:
            await client.delete(f"hub/api/users/{user}/servers/{project}")

            async def gone() -> bool:
                known = (await client.get(f"hub/api/users/{user}")).json()["servers"]
                return project not in known

            await until("the Jupyter server is gone", gone, 60)


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


@contextlib.asynccontextmanager
async def temp_hopyard(
    folder: Path, command: str = "demo", **environment: str
) -> AsyncIterator[Hopyard]:
    """Run a platform; at the end it is stopped, and nothing of it may be left."""
    hopyard = Hopyard(folder / "data", command, **environment)
    try:
        await hopyard.start()
        yield hopyard
        await hopyard.end()
        assert not hopyard.remaining(), hopyard.remaining()
    finally:
        kill(hopyard)


def kill(hopyard: Hopyard) -> None:
    """End what is left of a platform after a test that failed."""
    for process in hopyard.remaining():
        with contextlib.suppress(psutil.Error):
            process.kill()
