"""`hopyard check`: the main job against a running platform, step by step, without a browser."""

from __future__ import annotations

import asyncio
import json
import sys
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urljoin

import httpx

from hopyard.cli import demo
from hopyard.errors import SetupError
from hopyard.hosts import LocalNames, near
from hopyard.settings import Platform, Settings

CELL_SECONDS = 300.0
START_SECONDS = 120.0
TOKEN_SECONDS = 1800
KERNEL = "pyspark"
NOTEBOOK = "First steps with Spark.ipynb"
RESULT_LINES = 12


class StepFailed(Exception):
    """A step did not do what it should; one sentence."""


@dataclass
class Report:
    """Prints each step with its time."""

    begun: float = field(default_factory=time.monotonic)

    @asynccontextmanager
    async def step(self, name: str) -> AsyncIterator[list[str]]:
        """Print a step when it is done, with what is put into the list.

        Raises:
            StepFailed: it is not done; the step's name is printed.
        """
        begun = time.monotonic()
        said: list[str] = []
        try:
            yield said
        except (httpx.HTTPError, TimeoutError, OSError) as error:
            self._print("FAILED", name, begun)
            raise StepFailed(f"{type(error).__name__}: {error}".rstrip(": ")) from None
        except StepFailed:
            self._print("FAILED", name, begun)
            raise
        self._print("ok", name, begun, *said)

    def _print(self, word: str, name: str, begun: float, *said: str) -> None:
        print(f"{word:<7} {time.monotonic() - begun:6.2f} s  {name}", *said, flush=True)


def run(settings: Settings, *, project: str, url: str | None, token: str | None) -> int:
    """Run the check; return the exit code.

    Raises:
        SetupError: no platform was ever started here and no address and token were given.
    """
    if url is None or token is None:
        if url is not None:
            raise SetupError("A platform elsewhere needs a token: set HOPYARD_TOKEN.")
        platform: Platform | None = Platform.read(settings)
    else:
        platform = None
    address = (url or (platform.public_url if platform else "")).rstrip("/") + "/"
    report = Report()
    try:
        asyncio.run(Check(address, project, platform, token, report).run())
    except StepFailed as error:
        where = settings.logs_dir if platform else f"{address}projects/{project}/logs"
        print(f"The check failed: {error}\nLogs: {where}", file=sys.stderr)
        return 1
    print(f"All is well, after {time.monotonic() - report.begun:.1f} s.")
    return 0


class Check:
    """One run through the main job."""

    def __init__(
        self,
        address: str,
        project: str,
        platform: Platform | None,
        token: str | None,
        report: Report,
    ) -> None:
        self._address = address
        self._project = project
        self._platform = platform
        self._token = token
        self._report = report
        self._http = httpx.AsyncClient(base_url=address, timeout=30, transport=LocalNames())
        self._user = ""
        self._server = ""

    async def run(self) -> None:
        """Run all steps.

        Raises:
            StepFailed: one of them failed.
        """
        async with self._http:
            async with self._report.step("The Hub answers"):
                await self._json("GET", "hub/api/")
            async with self._report.step("Sign in") as said:
                await self._sign_in()
                said.append(f"as {self._user!r}")
            async with self._report.step(f"Open the project {self._project!r}") as said:
                access = await self._json("GET", f"api/v1/projects/{self._project}/access")
                said.append(f"as {access['role']}")
            started = False
            try:
                async with self._report.step("Start the Jupyter server") as said:
                    started = await self._start_server()
                    said.append("" if started else "(it runs already)")
                await self._run_notebook()
            finally:
                if started:
                    async with self._report.step("Stop the Jupyter server"):
                        await self._stop_server()

    async def _json(self, method: str, path: str, body: object = None) -> Any:
        response = await self._http.request(method, path, json=body)
        if response.status_code >= 400:
            try:
                why = response.json().get("message") or response.text
            except ValueError:
                why = response.reason_phrase
            raise StepFailed(f"{method} {response.url.path} answered {response.status_code}: {why}")
        return response.json() if response.content else None

    async def _sign_in(self) -> None:
        if self._token is None and self._platform:
            cli = self._platform.cli_token.get_secret_value()
            self._http.headers["Authorization"] = f"token {cli}"
            made = await self._json(
                "POST",
                f"hub/api/users/{demo.USER}/tokens",
                {"expires_in": TOKEN_SECONDS, "note": "hopyard check"},
            )
            self._token = made["token"]
        self._http.headers["Authorization"] = f"Bearer {self._token}"
        self._user = (await self._json("GET", "hub/api/user"))["name"]

    # --- the Jupyter server ----------------------------------------------------------------------

    @property
    def _server_api(self) -> str:
        return f"hub/api/users/{quote(self._user, safe='')}/servers/{self._project}"

    async def _find_server(self) -> bool:
        """Say whether the server runs, and remember its address."""
        known = await self._json("GET", f"hub/api/users/{quote(self._user, safe='')}")
        server = known.get("servers", {}).get(self._project, {})
        if not server.get("ready"):
            return False
        self._server = server.get("full_url") or urljoin(self._address, server["url"])
        return True

    async def _start_server(self) -> bool:
        if await self._find_server():
            return False
        await self._json("POST", self._server_api)
        async with (
            asyncio.timeout(START_SECONDS),
            self._http.stream("GET", f"{self._server_api}/progress") as events,
        ):
            async for line in events.aiter_lines():
                if not line.startswith("data:"):
                    continue
                event = json.loads(line.removeprefix("data:"))
                if event.get("failed"):
                    raise StepFailed(event.get("message", "it did not start"))
                if event.get("ready"):
                    break
        if not await self._find_server():
            raise StepFailed("it started and ended at once")
        return True

    async def _stop_server(self) -> None:
        await self._json("DELETE", self._server_api)
        async with asyncio.timeout(START_SECONDS):
            while True:
                known = await self._json("GET", f"hub/api/users/{quote(self._user, safe='')}")
                if self._project not in known.get("servers", {}):
                    return
                await asyncio.sleep(0.2)

    # --- the notebook ----------------------------------------------------------------------------

    async def _run_notebook(self) -> None:
        name = NOTEBOOK
        async with self._report.step(f"Open {name}") as said:
            found = await self._json("GET", f"{self._server}api/contents/{quote(name)}")
            cells = [
                "".join(cell["source"])
                for cell in found["content"]["cells"]
                if cell["cell_type"] == "code" and cell["source"]
            ]
            specs = await self._json("GET", f"{self._server}api/kernelspecs")
            if KERNEL not in specs["kernelspecs"]:
                raise StepFailed(
                    "the server has no PySpark kernel: stop it, choose the mode Spark, start it"
                )
            said.append(f"with {len(cells)} cells of code")
        kernel = (
            await self._json("POST", f"{self._server}api/kernels", {"name": KERNEL, "path": name})
        )["id"]
        try:
            await self._run_cells(kernel, cells)
        finally:
            async with self._report.step("Shut down the kernel and its Spark session"):
                await self._json("DELETE", f"{self._server}api/kernels/{kernel}")

    async def _run_cells(self, kernel: str, cells: list[str]) -> None:
        import websockets

        url = self._server.replace("http", "ws", 1) + f"api/kernels/{kernel}/channels"
        async with websockets.connect(
            url,
            **near(url),
            additional_headers={"Authorization": f"Bearer {self._token}"},
            max_size=None,
            proxy=None,
        ) as channels:
            for number, code in enumerate(cells, 1):
                first = code.strip().splitlines()[0][:60]
                async with self._report.step(f"Cell {number}: {first}") as said:
                    async with asyncio.timeout(CELL_SECONDS):
                        said += await _run_cell(channels, code)


async def _run_cell(channels: Any, code: str) -> list[str]:
    """Run one cell; return what it printed, shortened."""
    asked = uuid.uuid4().hex
    await channels.send(
        json.dumps(
            {
                "header": {
                    "msg_id": asked,
                    "msg_type": "execute_request",
                    "username": "",
                    "session": asked,
                    "version": "5.3",
                    "date": "",
                },
                "parent_header": {},
                "metadata": {},
                "channel": "shell",
                "buffers": [],
                "content": {
                    "code": code,
                    "silent": False,
                    "store_history": True,
                    "user_expressions": {},
                    "allow_stdin": False,
                    "stop_on_error": True,
                },
            }
        )
    )
    shown: list[str] = []
    status: str | None = None
    idle = False
    while status is None or not idle:
        frame = await channels.recv()
        if isinstance(frame, bytes):  # a widget's picture
            continue
        message = json.loads(frame)
        if message["parent_header"].get("msg_id") != asked:
            continue
        content, kind = message["content"], message["msg_type"]
        if kind == "stream" and content["name"] == "stdout":
            shown += content["text"].splitlines()
        elif kind in ("execute_result", "display_data"):
            shown += content["data"].get("text/plain", "").splitlines()
        elif kind == "error":
            raise StepFailed(f"the cell raised {content['ename']}: {content['evalue'][:500]}")
        elif kind == "execute_reply":
            status = content["status"]
        elif kind == "status":
            idle = content["execution_state"] == "idle"
    if status != "ok":
        raise StepFailed(f"the cell ended with the status {status!r}")
    kept = [line for line in shown if line.strip()]
    more = [f"… {len(kept) - RESULT_LINES} more lines"] if len(kept) > RESULT_LINES else []
    return [f"\n        | {line[:110]}" for line in [*kept[:RESULT_LINES], *more]]
