"""What may be done with a member's repository in a project.

The work itself is the Git engine's, in the member's sandbox. It is given the API key for the one
job, after the reading of the secret was written down.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from hopyard import disk
from hopyard.errors import Conflict, NotFound
from hopyard.launchers.engine import Engine
from hopyard.projects.members.lookup import project_of
from hopyard.projects.members.models import ProjectRow
from hopyard.projects.repositories import rules
from hopyard.projects.repositories.leftovers import Leftover, leftovers
from hopyard.projects.repositories.models import LastWork, RepositoryRow, RepositorySettings
from hopyard.projects.secrets.service import Secrets
from hopyard.protocol.git import (
    ONLINE,
    Job,
    Outcome,
    Progress,
    Reason,
    Remote,
    Request,
    State,
    WorkingCopy,
)
from hopyard.settings import Settings, folder_of, folders_of
from hopyard.store.engine import Sessions
from hopyard.store.types import now

KEPT = frozenset({Job.OPEN, Job.PUSH, Job.SNAPSHOT})
"""Jobs whose end is written down, for the page."""
LEFT_BEHIND = frozenset({Job.SNAPSHOT, Job.SAVE})
"""Jobs that are also done for the last server of one who is no member any more."""
SAVED_AFTER = frozenset({Job.SNAPSHOT, Job.PUSH, Job.RESTORE, Job.FORGET})
"""Jobs that change what a save of a copy must hold; a server that runs saves it by the clock."""
SAVE_SECONDS = 60.0
EMPTY_BRANCH = "main"
"""What the first branch of an empty repository is called where nobody says it."""
Told = Callable[[Progress], None]


class Repositories:
    """The repositories of all members."""

    def __init__(
        self, sessions: Sessions, settings: Settings, secrets: Secrets, public_url: str
    ) -> None:
        self._sessions = sessions
        self._settings = settings
        self._secrets = secrets
        self._public_url = public_url
        self._saving = asyncio.Lock()
        self._engine = Engine(sandboxed=settings.isolation == "sandbox")

    # --- settings --------------------------------------------------------------------------------

    async def recall(self, user: str, project: str) -> RepositorySettings:
        """Return what a member chose last in a project, or that Git is off.

        Raises:
            NotFound: the user is not a member.
        """
        async with self._sessions() as session:
            row = await session.get(RepositoryRow, (await project_of(session, user, project), user))
        return RepositorySettings.model_validate_json(row.settings) if row else RepositorySettings()

    async def remember(self, user: str, project: str, raw: Mapping[str, Any]) -> RepositorySettings:
        """Check and write down what a member chose; fields that are not named stay.

        Raises:
            InvalidForm: a value is wrong; nothing is written.
            NotFound: the user is not a member.
        """
        async with self._saving:  # of two tabs at once, neither puts back what the other changed
            chosen = await self.read(user, project, raw)
            for _ in range(2):  # another tab may make the row at the same moment
                try:
                    await self._write(user, project, settings=chosen.model_dump_json())
                    break
                except IntegrityError:
                    continue
        return chosen

    async def read(self, user: str, project: str, raw: Mapping[str, Any]) -> RepositorySettings:
        """Check what a member would choose, and write nothing.

        Raises:
            InvalidForm: a value is wrong.
            NotFound: the user is not a member.
        """
        known = await self.recall(user, project)
        usable = {one.name for one in await self._secrets.usable(user, project)}
        return rules.read(raw, known, secrets=usable, http_hosts=self._settings.git.http_hosts)

    async def using(self, owner: str, secret: str, shared: str | None) -> list[str]:
        """Return in words whose repositories use a secret as their API key.

        Args:
            owner: whose secret it is.
            secret: its name.
            shared: the project that it is shared with.
        """
        query = select(RepositoryRow, ProjectRow.name).join(
            ProjectRow, RepositoryRow.project_id == ProjectRow.id
        )
        async with self._sessions() as session:
            rows = (await session.execute(query.order_by(ProjectRow.name))).all()
        return [
            f"{row.user_name} in {project}"
            for row, project in rows
            if RepositorySettings.model_validate_json(row.settings).secret == secret
            and (row.user_name == owner or project == shared)
        ]

    async def _write(self, user: str, project: str, **values: str | datetime) -> None:
        async with self._sessions() as session:
            key = (await project_of(session, user, project), user)
            row = await session.get(RepositoryRow, key)
            if row is None:
                row = RepositoryRow(project_id=key[0], user_name=user, settings="{}")
                session.add(row)
            for name, value in values.items():
                setattr(row, name, value)
            row.updated_at = now()
            await session.commit()

    async def last_work(self, user: str, project: str) -> LastWork | None:
        """Return how the last start, push or rescue of a member's working copy ended."""
        async with self._sessions() as session:
            row = await session.get(RepositoryRow, (await project_of(session, user, project), user))
        if row is None or row.outcome is None or row.job is None or row.worked_at is None:
            return None
        return LastWork(Job(row.job), Outcome.model_validate_json(row.outcome), row.worked_at)

    @property
    def ca_file(self) -> str:
        """The certificates of authorities that the administrator trusts; the system's if empty."""
        return self._settings.git.ca_file

    # --- work ------------------------------------------------------------------------------------

    def storage(self, user: str, project: str) -> Path:
        """Return the folder of a member's working copies in a project."""
        return self._settings.copies_dir / folder_of(user) / project

    @property
    def save_seconds(self) -> float | None:
        """The time between two saves of a copy; None where its disk is durable."""
        known = self._settings.git
        return None if known.durable else known.snapshot_minutes * 60

    def folder(self, user: str, project: str, chosen: RepositorySettings) -> str:
        """Return the working copy's folder as the engine and the Jupyter server see it."""
        inside = self._engine.inside(self.storage(user, project))
        return f"{inside}/{remote_of(chosen).folder}"

    async def _check_room(self, user: str, project: str, chosen: RepositorySettings) -> None:
        """Refuse a clone where the project has too many files; a copy that is there is opened."""
        if (self.storage(user, project) / remote_of(chosen).folder).exists():
            return
        folders = folders_of(self._settings, project)
        bound = self._settings.limits.disk
        if full := await asyncio.to_thread(disk.too_much, folders, bound):
            raise Conflict(f"{full} Until then the repository is not cloned: start without Git.")

    async def work(
        self,
        user: str,
        project: str,
        job: Job,
        *,
        chosen: RepositorySettings | None = None,
        told: Told | None = None,
        rescue: str = "",
        seconds: float | None = None,
    ) -> Outcome:
        """Let the engine do one job, and write down how it ended.

        Args:
            user: whose repository.
            project: in which project.
            job: what to do.
            chosen: other settings than those that are written down now.
            told: is called with each step.
            rescue: the name of a rescue, for the jobs that need one.
            seconds: the longest that it may take, if less than the settings allow.

        Raises:
            Conflict: Git is off, or a clone would come to too many files.
            NotFound: the user is not a member (but see `LEFT_BEHIND`), or the secret is gone.
            Unavailable: the engine does not work on this machine.
        """
        if chosen is None or job not in LEFT_BEHIND:
            known = await self.recall(user, project)  # also: the user is a member
            chosen = chosen or known
        if not chosen.on:
            raise Conflict("Git is off in this project: choose a repository first.")
        if job is Job.OPEN:
            await self._check_room(user, project, chosen)
        key = ""
        if chosen.secret and job in ONLINE:
            key = await self._secrets.read(user, project, chosen.secret, way="Git")
        storage = self.storage(user, project)
        saves = None if self._settings.git.durable else self._saves(user, project)
        request = Request.model_validate(
            {
                "job": job,
                "remote": remote_of(chosen),
                "rules": self._settings.git.rules(),
                "key": key.strip(),
                "rescue": rescue,
                "save": self._engine.save(saves, remote_of(chosen).folder) if saves else "",
                "seconds": min(self._settings.git.timeout, seconds or float("inf")),
            }
        )
        if job is not Job.BRANCHES:
            base = chosen.base
            if not base and job in ONLINE:
                asked = request.model_copy(update={"job": Job.BRANCHES})
                found = await self._engine.run(asked, storage, None)
                if found.state is State.FAILED:
                    return await self.keep(user, project, job, found)
                base = found.data.default_branch or EMPTY_BRANCH
                if job is Job.OPEN:  # from now on it also works while the server does not answer
                    found_one = chosen.model_copy(update={"base": base})
                    await self._write(user, project, settings=found_one.model_dump_json())
            request.working_copy = WorkingCopy(
                folder=self.folder(user, project, chosen),
                base=base or EMPTY_BRANCH,
                head=chosen.head or base or EMPTY_BRANCH,
                pull_on_start=chosen.pull_on_start,
                push_on_stop=chosen.push_on_stop,
                ignore_uncommitted=chosen.ignore_uncommitted,
                on_divergence=chosen.on_divergence,
                author=rules.author(user, self._public_url),
            )
        outcome = await self._engine.run(request, storage, told, saves)
        if saves and job in SAVED_AFTER and outcome.reason is not Reason.NO_COPY:
            update = {"job": Job.SAVE, "seconds": min(request.seconds, SAVE_SECONDS)}
            again = request.model_copy(update=update)
            saved = await self._engine.run(again, storage, told, saves)
            if saved.state is State.FAILED:
                words = f"{outcome.sentence} The copy was not saved: {saved.sentence}"
                outcome = outcome.model_copy(update={"sentence": words})
        return await self.keep(user, project, job, outcome)

    def _saves(self, user: str, project: str) -> Path:
        return self._settings.saves_dir / folder_of(user) / project

    async def leftovers(self, project: str) -> list[Leftover]:
        """Return the working copies of a project that hold what no Git server has."""
        return await leftovers(self._settings, self._engine, project)

    async def keep(self, user: str, project: str, job: Job, outcome: Outcome) -> Outcome:
        """Write down how a job ended, if the page shows it; return the same."""
        if job in KEPT:
            with contextlib.suppress(NotFound):  # who is no member any more has no page
                await self._write(
                    user, project, job=job, outcome=outcome.model_dump_json(), worked_at=now()
                )
        return outcome


def remote_of(chosen: RepositorySettings) -> Remote:
    """Return the repository that settings name."""
    return Remote.model_validate(
        {"provider": chosen.provider, "url": chosen.url, "user": chosen.user}
    )
