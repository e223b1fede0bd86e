"""The Git working copy around a Jupyter server: opened before it starts, kept when it has ended.

Whatever Git says, a server that has work in its copy starts, and one that is to be stopped stops:
what could not be done is written down for the page, and in the server's log.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from hopyard.errors import HopyardError
from hopyard.projects.repositories.models import RepositorySettings
from hopyard.projects.repositories.service import Repositories, remote_of
from hopyard.protocol.git import Job, Outcome, Progress, Reason, State

WORDS = {Job.OPEN: "Opening the repository", Job.SNAPSHOT: "Rescue", Job.PUSH: "Push"}

SECONDS = {Job.SNAPSHOT: 60.0, Job.PUSH: 60.0}
"""At the stop: nobody waits longer for a server that is to be gone."""


@dataclass(frozen=True)
class Copy:
    """A member's working copy in a project.

    Attributes:
        chosen: the settings that the server was started with; they may be others by its end.
        folder: where the Jupyter server sees it.
        inside: where the server sees the folder of all the member's copies.
        storage: the same folder on this machine.
        ca_file: certificates that git trusts for it; the system's if empty.
    """

    chosen: RepositorySettings
    folder: str
    inside: str
    storage: Path
    ca_file: str

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


class CopyFailed(Exception):
    """There is no working copy to work in; one sentence."""


async def find(repositories: Repositories, user: str, project: str) -> Copy | None:
    """Return the working copy that a member chose; None where Git is off."""
    chosen = await repositories.recall(user, project)
    return of(repositories, user, project, chosen) if chosen.on else None


def of(repositories: Repositories, user: str, project: str, chosen: RepositorySettings) -> Copy:
    """Return the working copy that these settings mean."""
    folder = repositories.folder(user, project, chosen)
    inside = folder.rpartition("/")[0]
    storage = repositories.storage(user, project)
    return Copy(chosen, folder, inside, storage, repositories.ca_file)


async def open_copy(
    copy: Copy,
    repositories: Repositories,
    user: str,
    project: str,
    log: Path,
    told: Callable[[Progress], None],
) -> None:
    """Clone or repair the copy, and pull.

    Raises:
        CopyFailed: there is none to work in.
    """
    outcome = await _work(copy, repositories, user, project, Job.OPEN, log, told)
    if outcome.state is State.FAILED and not copy.there:
        raise CopyFailed(outcome.sentence)


async def keep_copy(
    copy: Copy, repositories: Repositories, user: str, project: str, log: Path
) -> None:
    """Put what is not on the server into a rescue, then push; neither failure stops anything."""
    await _work(copy, repositories, user, project, Job.SNAPSHOT, log)
    if copy.chosen.push_on_stop:
        await _work(copy, repositories, user, project, Job.PUSH, log)


async def _work(
    copy: Copy,
    repositories: Repositories,
    user: str,
    project: str,
    job: Job,
    log: Path,
    told: Callable[[Progress], None] | None = None,
) -> Outcome:
    def step(progress: Progress) -> None:
        _write(log, f"{WORDS[job]}: {progress.step}")
        if told:
            told(progress)

    try:
        outcome = await repositories.work(
            user, project, job, chosen=copy.chosen, told=step, seconds=SECONDS.get(job)
        )
    except HopyardError as error:
        outcome = Outcome(state=State.FAILED, sentence=str(error), reason=Reason.INTERNAL)
        await repositories.keep(user, project, job, outcome)
    _write(log, f"{WORDS[job]}: {outcome.sentence}")
    return outcome


def _write(log: Path, text: str) -> None:
    with log.open("a") as stream:
        print(f"[I {datetime.now(UTC):%Y-%m-%d %H:%M:%S} Git] {text}", file=stream)
