"""Jupyter servers as the pages and the API show and move them: the Hub, livy and the records."""

from __future__ import annotations

import asyncio
import math
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from hopyard import log
from hopyard.errors import Conflict, HopyardError, NotFound
from hopyard.identity.hub import HubClient, HubServer
from hopyard.projects.jupyter.models import JupyterSettings, ServerRecord, ServerState
from hopyard.projects.jupyter.service import Jupyter
from hopyard.projects.members.service import Projects
from hopyard.store.types import now
from hopyard.web.livy import LivyClient
from hopyard.web.seal import Seal

logger = log.get(__name__)

JUST_ASKED = 5.0
"""Seconds in which a start that the Hub does not show yet counts as under way."""
SECOND_LOOK = 5.0
"""Seconds until a removed member's sessions are looked for again; livy keeps answers for 3."""
_PATHS = {"lab": "lab", "classic": "nbclassic/tree"}


@dataclass(frozen=True)
class ServerView:
    """A Jupyter server as a person sees it."""

    state: Literal["stopped", "starting", "running", "stopping", "failed"]
    step: str | None = None
    progress: int = 0
    """Of a start, in percent; by the clock, since steps differ in length."""
    error: str | None = None
    """Why it failed, or ended by itself."""
    url: str | None = None
    """Where Open leads."""
    classic_url: str | None = None
    started_at: datetime | None = None
    expires_at: datetime | None = None
    left: str | None = None
    """The time left, in words."""
    started_with: JupyterSettings | None = None
    """What was chosen when it was started."""


class Servers:
    """Starts, stops and looks at Jupyter servers."""

    def __init__(
        self, hub: HubClient, livy: LivyClient, projects: Projects, jupyter: Jupyter, seal: Seal
    ) -> None:
        self._hub = hub
        self._livy = livy
        self._projects = projects
        self._jupyter = jupyter
        self._seal = seal
        self._looks: set[asyncio.Task[None]] = set()
        self.bell = Bell()

    async def view(self, user: str, project: str) -> ServerView:
        """Return how a member's server is now."""
        record = await self._jupyter.record(user, project)
        return look(await self._hub.server(user, project), record, user, project)

    async def start(self, user: str, project: str, token: str) -> None:
        """Ask the Hub, in the person's name, to start the server; twice is harmless.

        Raises:
            Conflict: it cannot be started, with the reason.
        """
        self.bell.ring(user, project)
        try:
            await self._hub.start_server(user, project, token=token)
        except Conflict as error:
            record = await self._jupyter.record(user, project)
            if record and record.state == ServerState.FAILED and record.error:
                raise Conflict(record.error) from None
            await self._jupyter.report(user, project, state="failed", error=str(error))
            raise
        finally:
            self.bell.ring(user, project)

    async def stop(self, user: str, project: str, token: str) -> None:
        """Ask the Hub, in the person's name, to stop the server; twice is harmless."""
        try:
            await self._hub.stop_server(user, project, token=token)
        finally:
            self.bell.ring(user, project)

    async def expel(self, user: str, project: str) -> None:
        """End all that runs of a user who is to have no part in a project any more.

        What does not answer now is written to the log and does not keep the rest from happening.
        Livy keeps the answers of our access door for seconds, so that a session could still be
        made just after the membership has gone: a second look ends it.
        """
        await self._end_all(user, project)
        task = asyncio.create_task(self._look_again(user, project))
        self._looks.add(task)
        task.add_done_callback(self._looks.discard)

    async def _look_again(self, user: str, project: str) -> None:
        await asyncio.sleep(SECOND_LOOK)
        try:
            await self._projects.membership(user, project)  # is back in the meantime
        except NotFound:
            await self._end_all(user, project)

    async def stop_theirs(self, user: str, project: str) -> None:
        """Ask the Hub, in our own name, to stop a member's server; what it refuses is logged."""
        try:
            await self._hub.stop_server(user, project)
        except HopyardError as error:
            logger.warning("server not stopped", user=user, project=project, reason=str(error))

    async def _end_all(self, user: str, project: str) -> None:
        await self.stop_theirs(user, project)
        token = self._seal.deputy(user, project)
        try:
            for application in await self._livy.applications(project, token):
                await self._livy.stop(project, application.id, token)
            await self._livy.end_batches(project, token)
        except HopyardError as error:
            logger.warning(
                "applications not stopped", user=user, project=project, reason=str(error)
            )
        self.bell.ring(user, project)


def look(
    server: HubServer | None, record: ServerRecord | None, user: str, project: str
) -> ServerView:
    """Say how a server is, from what the Hub and the record of its last start say."""
    age = (now() - record.updated_at).total_seconds() if record else math.inf
    if server is None:
        if record and record.state == ServerState.FAILED:
            return ServerView("failed", error=record.error or "The Jupyter server did not start.")
        if not record or record.state != ServerState.STARTING or age > JUST_ASKED:
            why = record.error if record and record.state == ServerState.STOPPED else None
            return ServerView("stopped", error=why)
    elif server.pending == "stop":
        return ServerView("stopping")
    elif server.ready:
        base = server.url  # with the host, where members have hosts of their own
        expires = record.expires_at if record else None
        return ServerView(
            "running",
            url=base + _PATHS[record.interface if record else "lab"],
            classic_url=base + _PATHS["classic"],
            started_at=record.started_at if record else None,
            expires_at=expires,
            left=time_left(expires),
            started_with=record.started_with if record else None,
        )
    begun = record.started_at if record else now()
    elapsed = max(0.0, (now() - begun).total_seconds())
    progress = 5 * round((10 + 85 * (1 - math.exp(-elapsed / 3))) / 5)
    step = record.step if record and record.state == ServerState.STARTING else None
    return ServerView("starting", step=step or "Asking the Hub", progress=progress)


def time_left(expires: datetime | None) -> str | None:
    """Say in words how much time is left; None without a limit."""
    if expires is None:
        return None
    minutes = max(0, math.ceil((expires - now()).total_seconds() / 60))
    days, hours = divmod(minutes // 60, 24)
    if days:
        return f"{days} d {hours} h left"
    return f"{hours} h {minutes % 60} min left" if hours else f"{minutes} min left"


class Bell:
    """Wakes the event streams of a member's pages when something was done in one of them."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[str, str], set[asyncio.Event]] = defaultdict(set)

    def ring(self, user: str, project: str) -> None:
        """Wake all that wait for this member's server."""
        for event in self._waiting.get((user, project), ()):
            event.set()

    async def wait(self, user: str, project: str, seconds: float) -> None:
        """Wait until it rings, at most some seconds."""
        event = asyncio.Event()
        waiting = self._waiting[user, project]
        waiting.add(event)
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            pass
        finally:
            waiting.discard(event)
            if not waiting:
                self._waiting.pop((user, project), None)
