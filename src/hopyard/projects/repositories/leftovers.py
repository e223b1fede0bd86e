"""Work that is in members' working copies of a project and on no Git server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from hopyard.errors import HopyardError
from hopyard.launchers.engine import Engine
from hopyard.protocol.git import Author, Job, Outcome, Remote, Request, WorkingCopy
from hopyard.settings import Settings

LOOK_SECONDS = 60.0
AT_ONCE = 4
NOWHERE = Remote(url="https://nowhere.invalid/repository")
"""A look at a copy needs no server."""


@dataclass(frozen=True)
class Leftover:
    """What one working copy holds alone."""

    user: str
    sentence: str


async def leftovers(settings: Settings, engine: Engine, project: str) -> list[Leftover]:
    """Return the working copies of a project that hold what no Git server has, by their users.

    A copy that cannot be looked at counts: nobody knows what is in it.
    """
    limit = asyncio.Semaphore(AT_ONCE)

    async def look(user: str, folder: Path) -> Leftover | None:
        async with limit:
            try:
                outcome = await engine.run(_request(engine, folder, settings), folder.parent, None)
            except HopyardError as error:
                return Leftover(user, f"{folder.name}: {error}")
        said = _said(outcome)
        return Leftover(user, f"{folder.name}: {said}") if said else None

    found = await asyncio.gather(*(look(*one) for one in _copies(settings, project)))
    return sorted((one for one in found if one), key=lambda one: (one.user, one.sentence))


def _copies(settings: Settings, project: str) -> Iterator[tuple[str, Path]]:
    for place in settings.copies_dir.glob(f"*/{project}/*/.git"):
        yield unquote(place.parents[2].name), place.parent


def _request(engine: Engine, folder: Path, settings: Settings) -> Request:
    copy = WorkingCopy(
        folder=f"{engine.inside(folder.parent)}/{folder.name}",
        base="main",
        head="main",
        author=Author(name="hopyard", address="hopyard@localhost"),
    )
    rules = settings.git.rules()
    return Request.model_validate(
        {
            "job": Job.RESCUES,
            "remote": NOWHERE,
            "rules": rules,
            "working_copy": copy,
            "seconds": LOOK_SECONDS,
        }
    )


def _said(outcome: Outcome) -> str:
    where = outcome.data.position
    if where is None:
        return outcome.sentence
    waiting = sum(not one.here for one in outcome.data.rescues)
    counted = (
        (where.unpushed, "unpushed commit"),
        (where.uncommitted, "changed file"),
        (waiting, "rescue"),
    )
    parts = [f"{number} {word}{'' if number == 1 else 's'}" for number, word in counted if number]
    return ", ".join(parts)
