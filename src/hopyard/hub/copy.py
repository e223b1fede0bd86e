"""The Git working copy around a Jupyter server: opened before it starts, kept when it has ended.

Whatever Git says, a server that has work in its copy starts, and one that is to be stopped stops:
what could not be done is written down for the page, and in the server's log.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from hopyard.errors import HopyardError
from hopyard.projects.repositories.models import RepositorySettings
from hopyard.projects.repositories.service import Repositories, remote_of
from hopyard.protocol.git import Job, Outcome, Progress, Reason, State

WORDS = {
    Job.OPEN: "Opening the repository",
    Job.SNAPSHOT: "Rescue",
    Job.PUSH: "Push",
    Job.SAVE: "Save",
}

COMMITS = re.compile(r"\d+ unpushed commits?(?: and )?")
SECONDS = {Job.SNAPSHOT: 60.0, Job.PUSH: 60.0, Job.SAVE: 60.0}
"""At the stop: nobody waits longer for a server that is to be gone."""


class CopyFailed(Exception):
    """There is no working copy to work in; one sentence."""


@dataclass(frozen=True)
class Copy:
    """A member's working copy in a project.

    Attributes:
        repositories: the rules of all members' repositories.
        user: the member.
        project: the project.
        chosen: the settings that the server was started with; they may be others by its end.
    """

    repositories: Repositories
    user: str
    project: str
    chosen: RepositorySettings

    @classmethod
    async def find(cls, repositories: Repositories, user: str, project: str) -> Copy | None:
        """Return the working copy that a member chose; None where Git is off."""
        chosen = await repositories.recall(user, project)
        return cls(repositories, user, project, chosen) if chosen.on else None

    @property
    def folder(self) -> str:
        """Where the Jupyter server sees it."""
        return self.repositories.folder(self.user, self.project, self.chosen)

    @property
    def inside(self) -> str:
        """Where the server sees the folder of all the member's copies."""
        return self.folder.rpartition("/")[0]

    @property
    def storage(self) -> Path:
        """The same folder on this machine."""
        return self.repositories.storage(self.user, self.project)

    @property
    def ca_file(self) -> str:
        """Certificates that Git trusts for it; the system's if empty."""
        return self.repositories.ca_file

    @property
    def variable(self) -> str:
        """What the server is told of it (`HOPYARD_REPOSITORY`)."""
        remote = remote_of(self.chosen)
        return json.dumps(
            {
                "url": remote.url,
                "username": remote.user_name,
                "secret": self.chosen.secret or None,
                "ca_file": self.ca_file,
            }
        )

    @property
    def there(self) -> bool:
        """Whether there is something to work in already."""
        return (self.storage / Path(self.folder).name / ".git").is_dir()

    async def open(self, log: Path, told: Callable[[Progress], None]) -> None:
        """Clone or repair the copy, and pull.

        Raises:
            CopyFailed: there is none to work in.
        """
        before = await self.repositories.last_work(self.user, self.project)
        outcome = await self._work(Job.OPEN, log, told)
        where = outcome.data.position
        if before and before.job is Job.PUSH and before.outcome.reason and where and where.unpushed:
            # What is not on the server yet is told as long as the push was not made up for.
            sentence = f"The last push failed: {before.outcome.sentence}"
            if outcome.state is not State.DONE:
                sentence = f"{outcome.sentence} {sentence}"
            update = {"sentence": sentence, "state": State.ATTENTION}
            told_again = outcome.model_copy(update=update)
            await self.repositories.keep(self.user, self.project, Job.OPEN, told_again)
        if outcome.state is State.FAILED and not self.there:
            raise CopyFailed(outcome.sentence)

    async def keep(self, log: Path) -> None:
        """Put what is not on the server into a rescue, then push; neither failure stops anything.

        The page shows the end of the last job: where something was kept, it says so before.
        """
        kept = await self._work(Job.SNAPSHOT, log)
        if not self.chosen.push_on_stop:
            return
        pushed = await self._work(Job.PUSH, log)
        where = kept.data.position
        edits = where is not None and where.uncommitted
        if kept.state is State.FAILED or edits or (kept.data.rescue and pushed.reason):
            left = pushed.data.position
            if pushed.state is State.DONE and left and not left.unpushed:
                words = COMMITS.sub("", kept.sentence)  # they are on the server by now
                kept = kept.model_copy(update={"sentence": words})
            worse_first = sorted((kept, pushed), key=lambda one: one.state is not State.FAILED)
            sentence = " ".join(one.sentence for one in worse_first)
            both = pushed.model_copy(update={"sentence": sentence})
            await self.repositories.keep(self.user, self.project, Job.PUSH, both)

    async def save(self, log: Path) -> None:
        """Save the copy in the project's storage, if it changed; the log says when it did."""
        outcome = await self._attempt(Job.SAVE)
        if outcome.data.saved or outcome.state is State.FAILED:
            _write(log, f"{WORDS[Job.SAVE]}: {outcome.sentence}")

    async def _attempt(self, job: Job, told: Callable[[Progress], None] | None = None) -> Outcome:
        """Do one job; that it cannot be done is an outcome too."""
        try:
            return await self.repositories.work(
                self.user,
                self.project,
                job,
                chosen=self.chosen,
                told=told,
                seconds=SECONDS.get(job),
            )
        except HopyardError as error:
            outcome = Outcome(state=State.FAILED, sentence=str(error), reason=Reason.INTERNAL)
            return await self.repositories.keep(self.user, self.project, job, outcome)

    async def _work(
        self, job: Job, log: Path, told: Callable[[Progress], None] | None = None
    ) -> Outcome:
        def step(progress: Progress) -> None:
            _write(log, f"{WORDS[job]}: {progress.step}")
            if told:
                told(progress)

        outcome = await self._attempt(job, step)
        _write(log, f"{WORDS[job]}: {outcome.sentence}")
        return outcome


def _write(log: Path, text: str) -> None:
    with log.open("a") as stream:
        print(f"[I {datetime.now(UTC):%Y-%m-%d %H:%M:%S} Git] {text}", file=stream)
