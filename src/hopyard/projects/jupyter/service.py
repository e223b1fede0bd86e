"""What may be done with the Jupyter server of a member in a project.

The Hub's spawner asks `plan_server` whoever asked the Hub for the start, and tells with `report`
what becomes of it; the pages show what was told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from hopyard.errors import Conflict
from hopyard.projects.jupyter import rules
from hopyard.projects.jupyter.models import (
    JupyterSettings,
    ServerPlan,
    ServerRecord,
    ServerRow,
    ServerState,
    SettingsRow,
)
from hopyard.projects.members.lookup import project_of
from hopyard.projects.members.models import ProjectRow
from hopyard.settings import Settings
from hopyard.store.engine import Sessions
from hopyard.store.types import now

EXTEND_HOURS = 6
_DEFAULT_URLS = {"lab": "/lab", "classic": "/nbclassic/tree"}


class Jupyter:
    """Settings, plans and records of Jupyter servers."""

    def __init__(self, sessions: Sessions, settings: Settings) -> None:
        self._sessions = sessions
        self._limits = settings.limits
        self._saving = asyncio.Lock()

    # --- settings --------------------------------------------------------------------------------

    async def recall(self, user: str, project: str) -> JupyterSettings:
        """Return what a member chose last in a project, or the defaults.

        Raises:
            NotFound: the user is not a member.
        """
        async with self._sessions() as session:
            row = await session.get(SettingsRow, (await project_of(session, user, project), user))
        try:
            # The limits may have become narrower since: what no longer fits starts anew.
            known = JupyterSettings.model_validate_json(row.settings) if row else None
        except ValidationError:
            known = None
        return known or rules.defaults(self._limits)

    async def read(self, user: str, project: str, raw: Mapping[str, Any]) -> JupyterSettings:
        """Check what a member would choose, and write nothing.

        Raises:
            InvalidForm: a value is wrong.
            NotFound: the user is not a member.
        """
        return rules.read(raw, await self.recall(user, project), self._limits)

    async def remember(self, user: str, project: str, raw: Mapping[str, Any]) -> JupyterSettings:
        """Check and write down what a member chose; fields that are not named stay.

        Raises:
            InvalidForm: a value is wrong; nothing is written.
            NotFound: the user is not a member.
        """
        async with self._saving:  # of two tabs at once, neither puts back what the other changed
            chosen = await self.read(user, project, raw)
            async with self._sessions() as session:
                project_id = await project_of(session, user, project)
            await self._put(
                SettingsRow(
                    project_id=project_id,
                    user_name=user,
                    settings=chosen.model_dump_json(),
                    updated_at=now(),
                )
            )
        return chosen

    async def _put(self, row: SettingsRow | ServerRow) -> None:
        """Write a row down, new or not; another tab may make it at the same moment."""
        try:
            await self._merge(row)
        except IntegrityError:
            await self._merge(row)

    async def _merge(self, row: SettingsRow | ServerRow) -> None:
        async with self._sessions() as session:
            await session.merge(row)
            await session.commit()

    # --- the spawner's side ----------------------------------------------------------------------

    async def plan_server(self, user: str, project: str) -> ServerPlan:
        """Say what is to be started, and write down that it is being started.

        Raises:
            NotFound: the user is not a member: nothing may be started.
            InvalidForm: what the member chose is not allowed any more.
        """
        chosen = rules.read({}, await self.recall(user, project), self._limits)
        started = now()
        expires = started + timedelta(hours=chosen.hours) if chosen.hours else None
        async with self._sessions() as session:
            project_id = await project_of(session, user, project)
        await self._put(
            ServerRow(
                project_id=project_id,
                user_name=user,
                state=ServerState.STARTING,
                step="Checking",
                error=None,
                interface=chosen.interface,
                settings=chosen.model_dump_json(),
                started_at=started,
                expires_at=expires,
                updated_at=started,
            )
        )
        python = chosen.mode == "python"
        return ServerPlan(
            memory_mb=chosen.memory if python else self._limits.driver_memory_default,
            cores=chosen.cores if python else 1,
            mode=chosen.mode,
            interface=chosen.interface,
            hours=chosen.hours,
            session_request={} if python else rules.session_request(chosen),
            expires_at=expires,
            default_url=_DEFAULT_URLS[chosen.interface],
        )

    async def report(
        self,
        user: str,
        project: str,
        *,
        state: ServerState | Literal["starting", "running", "stopped", "failed"],
        step: str | None = None,
        error: str | None = None,
    ) -> None:
        """Write down what became of a server; for one that was never planned, do nothing.

        Args:
            user: the user's name at the Hub.
            project: the project's name (= the server's name).
            state: the state now.
            step: what is being done, in words, while it starts.
            error: why it failed, in one sentence.
        """
        async with self._sessions() as session:
            row = await _server(session, user, project)
            if row is None:
                return
            row.state = ServerState(state)
            row.step = step
            row.error = error
            row.updated_at = now()
            await session.commit()

    async def expires_at(self, user: str, project: str) -> datetime | None:
        """Return when a server is to be shut down; None: never, or there is no record of it."""
        record = await self.record(user, project)
        return record.expires_at if record else None

    # --- the member's side -----------------------------------------------------------------------

    async def record(self, user: str, project: str) -> ServerRecord | None:
        """Return what is written down about the last start of a member's server."""
        async with self._sessions() as session:
            row = await _server(session, user, project)
        if row is None:
            return None
        try:
            started_with = JupyterSettings.model_validate_json(row.settings or "")
        except ValidationError:  # an earlier version started it
            started_with = None
        return ServerRecord(
            ServerState(row.state),
            row.step,
            row.error,
            row.interface,
            row.started_at,
            row.expires_at,
            row.updated_at,
            started_with,
        )

    async def session_request(self, user: str, project: str) -> dict[str, Any]:
        """Return the body of Livy's `POST /sessions` that a member's settings ask for now.

        Raises:
            NotFound: the user is not a member.
        """
        return rules.session_request(await self.recall(user, project))

    async def extend(self, user: str, project: str) -> datetime | None:
        """Give a server six hours more, at most to the longest time allowed from now.

        Raises:
            Conflict: it does not run, or has no limit.
        """
        async with self._sessions() as session:
            row = await _server(session, user, project)
            if row is None or row.state not in (ServerState.RUNNING, ServerState.STARTING):
                raise Conflict("The Jupyter server does not run.")
            if row.expires_at is None:
                raise Conflict("The Jupyter server has no limit of time.")
            longest = now() + timedelta(hours=max(self._limits.hours))
            row.expires_at = min(row.expires_at + timedelta(hours=EXTEND_HOURS), longest)
            await session.commit()
            return row.expires_at


async def _server(session: AsyncSession, user: str, project: str) -> ServerRow | None:
    query = (
        select(ServerRow)
        .join(ProjectRow, ServerRow.project_id == ProjectRow.id)
        .where(ProjectRow.name == project, ServerRow.user_name == user)
    )
    found: ServerRow | None = await session.scalar(query)
    return found
