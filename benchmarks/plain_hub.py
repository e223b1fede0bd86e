"""Plain JupyterHub with the same JupyterLab, to compare with: dummy sign-in, local processes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.measure import until

USER, SERVER = "ada", "bench"
CONFIG = """
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = "{folder}/home/{{username}}"
c.Spawner.default_url = "/lab"
c.Spawner.args = ["--allow-root"]
c.JupyterHub.allow_named_servers = True
c.JupyterHub.bind_url = "http://127.0.0.1:{port}/"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{hub_port}/"
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{proxy_port}/"
c.ConfigurableHTTPProxy.command = {proxy!r}
c.JupyterHub.services = [{{"name": "bench", "api_token": "{token}"}}]
c.JupyterHub.load_roles = [
    {{"name": "bench", "services": ["bench"],
      "scopes": ["admin:users", "admin:servers", "access:servers"]}}
]
"""


@dataclass(frozen=True)
class PlainHub:
    """A running JupyterHub."""

    url: str
    token: str
    pid: int

    async def start_to_lab(self) -> float:
        """Start a server, wait until `/lab` answers, stop it; return the seconds of the start."""
        async with self._client() as http:
            api = f"hub/api/users/{USER}/servers/{SERVER}"
            begin = time.perf_counter()
            (await http.post(api)).raise_for_status()

            async def lab() -> float | None:
                answer = await http.get(f"user/{USER}/{SERVER}/lab")
                return time.perf_counter() - begin if answer.status_code == 200 else None

            seconds = await until(lab, seconds=120, what="JupyterLab of plain JupyterHub")
        await self.stop()
        return seconds

    async def stop(self) -> None:
        """Stop the server, and wait for the end."""
        async with self._client() as http:
            await http.delete(f"hub/api/users/{USER}/servers/{SERVER}")

            async def gone() -> bool | None:
                user = (await http.get(f"hub/api/users/{USER}")).json()
                return True if not user["servers"] else None

            await until(gone, seconds=60, what="the server's end")

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=self.url,
            headers={"Authorization": f"Bearer {self.token}"},
            trust_env=False,
            timeout=30,
        )


@contextlib.asynccontextmanager
async def plain_hub(folder: Path, proxy: list[str]) -> AsyncIterator[PlainHub]:
    """Run a plain JupyterHub in a folder, with this command for its proxy."""
    port, hub_port, proxy_port = free_port(), free_port(), free_port()
    token = secrets.token_hex(16)
    (folder / "home").mkdir(parents=True)
    config = folder / "jupyterhub_config.py"
    config.write_text(
        CONFIG.format(
            folder=folder,
            port=port,
            hub_port=hub_port,
            proxy_port=proxy_port,
            proxy=proxy,
            token=token,
        )
    )
    # The Hub finds `jupyterhub-singleuser` by the path.
    bin_folder = Path(sys.executable).parent
    environment = os.environ | {"PATH": f"{bin_folder}{os.pathsep}{os.environ.get('PATH', '')}"}
    with (folder / "hub.log").open("w") as log:
        process = await asyncio.create_subprocess_exec(
            *(str(bin_folder / "jupyterhub"), "--config", str(config)),
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=log,
        )
    try:
        hub = PlainHub(f"http://127.0.0.1:{port}/", token, process.pid)
        async with httpx.AsyncClient(
            headers={"Authorization": f"Bearer {token}"}, trust_env=False
        ) as http:

            async def up() -> bool | None:
                try:
                    answer = await http.get(hub.url + "hub/api/")
                except httpx.HTTPError:
                    return None
                return True if answer.status_code == 200 else None

            await until(up, seconds=60, what="plain JupyterHub")
            await http.post(hub.url + f"hub/api/users/{USER}")
        yield hub
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), 60)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
