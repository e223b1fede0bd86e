"""Starts the Jupyter server of a member in a project, whoever asked the Hub for it.

The name of the server is the name of the project. What is started is asked from `projects`: a user
can call the Hub's API directly, so `user_options` are never looked at. The server runs in a
sandbox that shows this project only, and outlives the Hub.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from jupyterhub.spawner import LocalProcessSpawner, SpawnException
from jupyterhub.utils import maybe_future, random_port
from tornado.httpclient import AsyncHTTPClient, HTTPClientError

from hopyard.errors import HopyardError
from hopyard.hub import copy
from hopyard.hub.context import context
from hopyard.hub.tree import ServerTree
from hopyard.launchers.sandbox import Sandbox
from hopyard.projects.jupyter.models import ServerPlan
from hopyard.projects.repositories import rules
from hopyard.projects.repositories.models import RepositorySettings
from hopyard.protocol.git import Progress
from hopyard.settings import Settings, folder_of

LOGS_KEPT = 10
READY_SECONDS = 90.0
READY_POLL_SECONDS = 0.025
END_SECONDS = 10.0
HOME = "/home/hopyard"
PROJECT = "/project"
KEPT = ("LANG", "LC_ALL", "TZ", "PATH", "JAVA_HOME", "SPARK_HOME", "VIRTUAL_ENV", "PYTHONPATH")


class HopyardSpawner(LocalProcessSpawner):  # type: ignore[misc]
    """One Jupyter server: started, watched, stopped."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._tree: ServerTree | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._steps: list[tuple[int, str]] = []
        self._ending: tuple[Literal["stopped", "failed"], str | None] = ("stopped", None)
        self._up = False
        self._asked = False
        self._copy: copy.Copy | None = None
        self._log: Path | None = None

    # --- what is started -------------------------------------------------------------------------

    @property
    def _settings(self) -> Settings:
        return context().settings

    @property
    def _sandboxed(self) -> bool:
        return self._settings.isolation == "sandbox"

    def user_env(self, env: dict[str, str]) -> dict[str, str]:
        """Leave the environment as it is: members are no users of the machine."""
        return env

    def _environment(self, plan: ServerPlan, home: Path) -> dict[str, str]:
        """Return the whole environment of the server; nothing of the Hub's own gets in."""
        self.mem_limit = plan.memory_mb * 2**20
        self.cpu_limit = plan.cores
        env = {name: os.environ[name] for name in KEPT if name in os.environ}
        env |= {n: v for n, v in self.get_env().items() if n.startswith(("JUPYTERHUB_", "MEM_"))}
        root = PROJECT if self._sandboxed else str(self._settings.projects_dir / self.name)
        runtime = {"JUPYTER_RUNTIME_DIR": "/tmp/jupyter"} if self._sandboxed else {}  # noqa: S108
        author = rules.author(self.user.name, context().platform.public_url)
        git = {"HOPYARD_REPOSITORY": self._copy.variable} if self._copy else {}
        return env | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}",
            "HOME": HOME if self._sandboxed else str(home),
            "USER": self.user.name,
            "LOGNAME": self.user.name,
            "HOPYARD_USER_NAME": author.name,
            "HOPYARD_USER_EMAIL": author.address,
            "SHELL": "/bin/bash",
            "CPU_LIMIT": str(plan.cores),
            "HOPYARD_ROOT_DIR": self._copy.folder if self._copy else f"{root}/Jupyter",
            "HOPYARD_PROJECT": self.name,
            "HOPYARD_PROJECT_DIR": root,
            "HOPYARD_API_URL": f"{context().platform.web_url}api/v1/",
            "HOPYARD_LIVY_URL": context().platform.livy_project_url(self.name),
            "HOPYARD_MODE": plan.mode,
            "HOPYARD_SESSION_CONF": json.dumps(plan.session_request),
            "HOPYARD_DEFAULT_URL": plan.default_url,
            "HOPYARD_WARM": "1" if self._settings.livy.warm else "",
            **git,
            **runtime,
        }

    def _command(self, home: Path) -> list[str]:
        command = [sys.executable, "-P", "-m", "hopyard.notebook"]
        if not self._sandboxed:
            return command
        project = self._settings.projects_dir / self.name
        writable, work_dir = {project: PROJECT, home: HOME}, f"{PROJECT}/Jupyter"
        if self._copy:
            writable[self._copy.storage] = self._copy.inside
            work_dir = self._copy.folder
        trusted = self._copy.ca_file if self._copy else ""
        readable = (Path(trusted),) if trusted else ()
        return Sandbox(writable=writable, readable=readable, work_dir=work_dir).wrap(command)

    def _new_log(self) -> Path:
        folder = self._settings.user_logs(self.name, self.user.name) / "jupyter"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for old in sorted(folder.glob("*.log"))[: -(LOGS_KEPT - 1)]:
            old.unlink(missing_ok=True)
        new = folder / f"{datetime.now(UTC):%Y%m%dT%H%M%S}.log"
        new.touch(mode=0o600)
        return new

    # --- starting --------------------------------------------------------------------------------

    async def start(self) -> tuple[str, int]:
        """Start the server and wait until it answers.

        Returns:
            Its address and port.

        Raises:
            SpawnException: it may not or cannot be started; one sentence.
        """
        self._steps, self._ending, self._up, self._asked = [], ("stopped", None), False, False
        self._copy = None
        if not self.name:
            raise SpawnException(
                "A Jupyter server belongs to a project: start it on the project's page.",
                reason="no project",
            )
        self._step(10, "Checking")
        try:
            plan = await context().jupyter.plan_server(self.user.name, self.name)
        except HopyardError as error:
            self._ending = ("failed", str(error))
            raise SpawnException(str(error), reason="not allowed", status_code=403) from None
        try:
            log = self._log = self._new_log()
            await self._open_copy(log)
            await self._report("starting", "Starting Jupyter")
            self._step(60, "Starting Jupyter")
            self._launch(plan, log)
            await self._wait_ready(log)
        except SpawnException as error:
            self._ending = ("failed", error.message)
            raise
        except OSError as error:
            reason = f"The Jupyter server could not be started: {error.strerror or error}."
            self._ending = ("failed", reason)
            raise SpawnException(reason, reason="machine", status_code=500) from None
        self._step(90, "Ready")
        self._up = True
        await self._report("running", "Ready")
        return self.ip, self.port

    async def _open_copy(self, log: Path) -> None:
        """Clone or pull the repository that the member chose, with its steps on the page."""
        shown = asyncio.Queue[str]()

        def told(progress: Progress) -> None:
            percent = f" {progress.percent} %" if progress.percent is not None else ""
            shown.put_nowait(f"{progress.step}{percent}")

        async def show() -> None:
            while True:
                text = await shown.get()
                while not shown.empty():
                    text = shown.get_nowait()
                self._step(20, text)
                await self._report("starting", text)

        user, project = self.user.name, self.name
        showing = asyncio.create_task(show())
        try:
            self._copy = await copy.find(context().repositories, user, project)
            if self._copy:
                told(Progress(step="Opening the repository"))
                await copy.open_copy(self._copy, context().repositories, user, project, log, told)
        except (copy.CopyFailed, HopyardError) as error:
            raise SpawnException(str(error), reason="repository", status_code=409) from None
        finally:
            showing.cancel()

    def _launch(self, plan: ServerPlan, log: Path) -> None:
        home = self._settings.data_dir / "homes" / folder_of(self.user.name) / self.name
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        jupyter = self._settings.projects_dir / self.name / "Jupyter"
        jupyter.mkdir(mode=0o750, parents=True, exist_ok=True)
        self.port = random_port()
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self._process = subprocess.Popen(
                self._command(home),
                env=self._environment(plan, home),
                cwd=jupyter,
                stdin=subprocess.DEVNULL,
                stdout=descriptor,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        finally:
            os.close(descriptor)
        self.pid = self._process.pid
        self._tree = ServerTree.of(self.pid)
        # Written down before anything can go wrong: a Hub that dies now finds the process again.
        self._keep_state()

    async def _wait_ready(self, log: Path) -> None:
        """Ask until the server answers; JupyterHub's own waiting backs off and costs 2 s."""
        client = AsyncHTTPClient()
        url = f"http://{self.ip}:{self.port}{self.server.base_url}api"
        begun = time.monotonic()
        while time.monotonic() - begun < READY_SECONDS:
            if self._exit_code() is not None:
                raise SpawnException(_why(log), reason="exited", status_code=500)
            try:
                await client.fetch(url, request_timeout=5, follow_redirects=False)
            except HTTPClientError as error:
                if error.code < 500:
                    break
            except OSError:
                pass  # not listening yet
            else:
                break
            await asyncio.sleep(READY_POLL_SECONDS)
        else:
            raise SpawnException(
                f"The Jupyter server did not answer within {READY_SECONDS:.0f} s: see Logs.",
                reason="timeout",
                status_code=500,
            )
        if self._sandboxed and self._tree:
            self._tree.find_first()
            self._keep_state()

    def _step(self, percent: int, text: str) -> None:
        self._steps.append((percent, text))

    async def progress(self) -> AsyncIterator[dict[str, Any]]:
        """Yield the steps of the start for the Hub's own progress events."""
        shown = 0
        while True:
            for percent, text in self._steps[shown:]:
                yield {"progress": percent, "message": text}
            shown = len(self._steps)
            await asyncio.sleep(0.1)

    async def _report(
        self,
        state: Literal["starting", "running", "stopped", "failed"],
        step: str | None = None,
        error: str | None = None,
    ) -> None:
        await context().jupyter.report(
            self.user.name, self.name, state=state, step=step, error=error
        )

    # --- watching --------------------------------------------------------------------------------

    def _exit_code(self) -> int | None:
        if self._process is not None:
            return self._process.poll()
        return None if self._tree and self._tree.root.runs else 0

    async def poll(self) -> int | None:
        """Return None while the server runs, else its exit code; its time may be up by now."""
        code = self._exit_code()
        if code is not None:
            by_itself = self._process is not None and code == 0  # the member shut it down
            if self._up and not by_itself and not self._asked and self._ending[0] != "failed":
                # Of a server that was found again after the Hub's restart there is no exit code.
                shown = f" (exit code {code})" if self._process else ""
                reason = f"The Jupyter server ended unexpectedly{shown}: see Logs."
                self._ending = ("failed", reason)
            return code
        if self._up and await self._time_is_up():
            self.log.info("The time of %s is up", self._log_name)
            await self._end()
            return 0
        return None

    async def _time_is_up(self) -> bool:
        expires = await context().jupyter.expires_at(self.user.name, self.name)
        return expires is not None and expires <= datetime.now(UTC)

    # --- stopping --------------------------------------------------------------------------------

    async def stop(self, now: bool = False) -> None:
        """End the server with everything that it started."""
        await self._end(0 if now else END_SECONDS)

    async def run_post_stop_hook(self) -> None:
        """Say what became of the server; JupyterHub calls this after each end, also a crash."""
        await self._end(0)
        if self.name:
            await self._keep_copy()
            state, error = self._ending
            await self._report(state, None, error)
        self._up = False
        await maybe_future(super().run_post_stop_hook())

    async def _end(self, seconds: float = END_SECONDS) -> None:
        self._asked = True
        if self._tree:
            await self._tree.end(sandboxed=self._sandboxed, seconds=seconds)
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=1)

    async def _keep_copy(self) -> None:
        """Rescue and push what the server left, once; neither failure keeps it from stopping."""
        if not self._up:
            return
        user, project = self.user.name, self.name
        try:
            if (kept := self._copy) and kept.there:
                log = self._log or self._new_log()
                await copy.keep_copy(kept, context().repositories, user, project, log)
        except (HopyardError, OSError) as error:
            self.log.error("The working copy of %s could not be kept: %s", self._log_name, error)

    # --- state that outlives the Hub -------------------------------------------------------------

    def _keep_state(self) -> None:
        self.orm_spawner.state = self.get_state()
        self.db.commit()

    def get_state(self) -> dict[str, Any]:
        """Return what a Hub needs to find the server again."""
        state: dict[str, Any] = super().get_state()
        if self._tree:
            state["tree"] = self._tree.to_state()
        if self._copy:
            state["repository"] = self._copy.chosen.model_dump()
        return state

    def load_state(self, state: dict[str, Any]) -> None:
        """Find the server again after the Hub was started again."""
        super().load_state(state)
        if tree := state.get("tree"):
            self._tree = ServerTree.from_state(tree)
            self._up = True
        if chosen := state.get("repository"):
            settings = RepositorySettings.model_validate(chosen)
            self._copy = copy.of(context().repositories, self.user.name, self.name, settings)

    def clear_state(self) -> None:
        """Forget the server."""
        super().clear_state()
        self._tree = None
        self._process = None
        self._copy = None


def _why(log: Path) -> str:
    """Return why a server ended, from its log, in one sentence."""
    lines = log.read_text(errors="replace").splitlines()[-60:]
    told = [line.strip() for line in lines if line.strip() and not line.startswith((" ", "\t"))]
    if not told:
        return "The Jupyter server ended at its start without a word: see Logs."
    telling = [line for line in told if re.search(r"\w*(Error|Exception)\b|bwrap:", line)]
    return f"The Jupyter server ended at its start: {(telling or told)[-1][:300]}"
