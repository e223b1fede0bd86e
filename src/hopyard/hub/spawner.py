"""Starts the Jupyter server of a member in a project, whoever asked the Hub for it.

The name of the server is the name of the project. What is started is asked from `projects`: a user
can call the Hub's API directly, so `user_options` are never looked at. The server runs in a
sandbox that shows this project only, and outlives the Hub.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from jupyterhub.spawner import LocalProcessSpawner, SpawnException
from jupyterhub.utils import maybe_future
from sqlalchemy.exc import SQLAlchemyError
from tornado.httpclient import AsyncHTTPClient, HTTPClientError

from hopyard import disk, handed
from hopyard.errors import HopyardError
from hopyard.hub.context import context
from hopyard.hub.copy import Copy, CopyFailed
from hopyard.hub.guard import look_after
from hopyard.hub.program import Program, last_log, new_log, why
from hopyard.hub.saver import Saver
from hopyard.hub.tree import ServerTree
from hopyard.launchers import owner
from hopyard.launchers.base import FILES_OF_USERS
from hopyard.launchers.limits import Limits
from hopyard.projects.jupyter.models import ServerPlan
from hopyard.projects.repositories.models import RepositorySettings
from hopyard.protocol.git import Progress
from hopyard.settings import Settings, folders_of

READY_SECONDS = 90.0
READY_POLL_SECONDS = 0.025
ANSWER_SECONDS = 2.0
END_SECONDS = 10.0


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
        self._copy: Copy | None = None
        self._saver: Saver | None = None
        self._limits: Limits | None = None
        self._guarding: asyncio.Task[None] | None = None
        self._log: Path | None = None
        self._listening: socket.socket | None = None
        """What the server listens on: held here too, so that nobody else can have its port while
        the proxy still leads there."""
        self._watchers: list[tuple[Any, tuple[Any, ...], dict[str, Any]]] = []

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

    # --- starting --------------------------------------------------------------------------------

    async def start(self) -> tuple[str, int]:
        """Start the server and wait until it answers.

        Returns:
            Its address and port.

        Raises:
            SpawnException: it may not or cannot be started; one sentence.
        """
        self._steps, self._ending, self._up, self._asked = [], ("stopped", None), False, False
        self._copy = self._saver = None
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
            log = self._log = new_log(self._settings, self.user.name, self.name)
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
        ready = await asyncio.to_thread(self._ready)
        self._step(90, ready)
        self._up = True
        await self._report("running", ready)
        return self.ip, self.port

    def _ready(self) -> str:
        """Say that it is ready; whoever has too many files needs a server to delete some."""
        folders = folders_of(self._settings, self.name)
        full = disk.too_much(folders, self._settings.limits.disk)
        return f"Ready. {full}" if full else "Ready"

    @property
    def _run_log(self) -> Path:
        if self._log is None:
            self._log = last_log(self._settings, self.user.name, self.name)
        return self._log

    async def _open_copy(self, log: Path) -> None:
        """Clone or pull the repository that the member chose, with its steps on the page."""
        shown = asyncio.Queue[str | None]()

        def told(progress: Progress) -> None:
            percent = f" {progress.percent} %" if progress.percent is not None else ""
            shown.put_nowait(f"{progress.step}{percent}")

        async def show() -> None:
            text = await shown.get()
            while text is not None:
                self._step(20, text)
                await self._report("starting", text)
                text = await shown.get()
                while text is not None and not shown.empty():
                    text = shown.get_nowait()

        showing = asyncio.create_task(show())
        try:
            self._copy = await Copy.find(context().repositories, self.user.name, self.name)
            if self._copy:
                told(Progress(step="Opening the repository"))
                await self._copy.open(log, told)
        except (CopyFailed, HopyardError) as error:
            raise SpawnException(str(error), reason="repository", status_code=409) from None
        finally:
            # Not cancelled: half of a write would keep the database from others.
            shown.put_nowait(None)
            await showing

    def _launch(self, plan: ServerPlan, log: Path) -> None:
        program = Program(context(), self.user.name, self.name, self._copy)
        self._limits = program.limits(plan)
        self.mem_limit = plan.memory_mb * 2**20
        self.cpu_limit = plan.cores
        jupyter = self._settings.projects_dir / self.name / "Jupyter"
        owner.make_folder(jupyter)
        self._hold(handed.make(self.ip, 0))
        listening = [self._listening] if self._listening else []
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        if self._sandboxed:
            owner.hand_over_log(descriptor)
        try:
            self._process = subprocess.Popen(
                program.command(self._limits),
                env=program.environment(plan, self.get_env()) | handed.variables(listening),
                pass_fds=[one.fileno() for one in listening],
                cwd=jupyter,
                stdin=subprocess.DEVNULL,
                stdout=descriptor,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                umask=FILES_OF_USERS,
            )
        finally:
            os.close(descriptor)
        self.pid = self._process.pid
        self._tree = ServerTree.of(self.pid)
        self._guard()
        # Written down before anything can go wrong: a Hub that dies now finds the process again.
        self._keep_state()

    async def _wait_ready(self, log: Path) -> None:
        """Ask until the server answers; JupyterHub's own waiting backs off and costs 2 s."""
        client = AsyncHTTPClient()
        url = f"http://{self.ip}:{self.port}{self.server.base_url}api"
        begun = time.monotonic()
        while time.monotonic() - begun < READY_SECONDS:
            if self._exit_code() is not None:
                raise SpawnException(why(log), reason="exited", status_code=500)
            try:
                # It waits in the socket until the server takes it; not for long, as that may end.
                await client.fetch(url, request_timeout=ANSWER_SECONDS, follow_redirects=False)
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

    def _hold(self, listening: socket.socket) -> None:
        self._listening = listening
        self.port = listening.getsockname()[1]
        handed.keep(listening)

    def _release(self) -> None:
        if self._listening is not None:
            handed.give_back(self._listening.getsockname()[1])
            self._listening.close()
            self._listening = None

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
        self._guard()
        code = self._exit_code()
        if code is not None:
            by_itself = self._process is not None and code == 0  # the member shut it down
            if self._up and not by_itself and not self._asked and self._ending[0] != "failed":
                # Of a server that was found again after the Hub's restart there is no exit code.
                shown = f" (exit code {code})" if self._process else ""
                how = (self._limits and self._limits.how_it_ended) or f"ended unexpectedly{shown}"
                self._ending = ("failed", f"The Jupyter server {how}: see Logs.")
            return code
        if self._up and await self._time_is_up():
            self.log.info("The time of %s is up", self._log_name)
            self._ending = ("stopped", "Its time was up.")
            await self._end()
            return 0
        if self._up and self._copy:
            self._saver = self._saver or Saver(self._copy, self._run_log)
            self._saver.look()
        return None

    def _guard(self) -> None:
        """Look after the limits; a Hub that was started anew begins with its first look."""
        ended = self._guarding is None or self._guarding.done()
        if self._limits and self._tree and ended:
            self._guarding = asyncio.create_task(
                look_after(self._limits, self._tree, self._run_log)
            )

    async def _time_is_up(self) -> bool:
        try:
            expires = await context().jupyter.expires_at(self.user.name, self.name)
        except SQLAlchemyError as error:
            self.log.warning("Whether the time of %s is up is not known: %s", self._log_name, error)
            return False
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

    def add_poll_callback(self, callback: Any, *args: Any, **kwargs: Any) -> None:
        """Remember who is told of the end: JupyterHub forgets them before it has told them."""
        self._watchers.append((callback, args, kwargs))
        super().add_poll_callback(callback, *args, **kwargs)

    def try_stop_again(self) -> None:
        """Go on after a stop that could not be written down: the next look sees it once more."""
        self._stop_pending = False
        watchers, self._watchers = self._watchers, []
        self._callbacks: list[Any] = []
        for callback, args, kwargs in watchers:
            self.add_poll_callback(callback, *args, **kwargs)
        self.start_polling()

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
        if self._saver:
            await self._saver.end()
            self._saver = None
        try:
            if self._copy and self._copy.there:
                await self._copy.keep(self._run_log)
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
        if self._listening:
            state["port"] = self._listening.getsockname()[1]
        if self._limits:
            state["limits"] = self._limits.to_state()
        if self._copy:
            state["repository"] = self._copy.chosen.model_dump()
        return state

    def load_state(self, state: dict[str, Any]) -> None:
        """Find the server again after the Hub was started again."""
        super().load_state(state)
        if tree := state.get("tree"):
            self._tree = ServerTree.from_state(tree)
            self._up = True
        if port := state.get("port"):
            self._listening = handed.take(port)
        if limits := state.get("limits"):
            self._limits = Limits.from_state(limits)
        if chosen := state.get("repository"):
            settings = RepositorySettings.model_validate(chosen)
            self._copy = Copy(context().repositories, self.user.name, self.name, settings)

    def clear_state(self) -> None:
        """Forget the server."""
        super().clear_state()
        self._release()
        if self._guarding:
            self._guarding.cancel()
        if self._limits:
            Program(context(), self.user.name, self.name, None).forget_limits()
        self._tree = self._limits = self._guarding = None
        self._process = None
        self._copy = None
