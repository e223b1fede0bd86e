"""One's own Git repository in a project: settings, and work on the working copy."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel

from hopyard.projects.repositories.models import RepositorySettings
from hopyard.protocol.git import Job, Outcome
from hopyard.web.deps import Member, RepositoryReader, RepositoryUser, Services
from hopyard.web.operations import restore_rescue

router = APIRouter(prefix="/projects/{project}/repository", tags=["repository"])

RescueName = Annotated[str, Path(pattern=r"^[0-9]{8}T[0-9]{12}Z$")]


class LastShape(BaseModel):
    """How the last start, push or rescue ended."""

    job: Job
    outcome: Outcome
    at: datetime


@router.get("/settings")
async def settings(who: RepositoryUser, services: Services) -> RepositorySettings:
    """Show what one chose last, or that Git is off."""
    return await services.repositories.recall(who.name, who.project.name)


@router.put("/settings")
async def choose(
    who: RepositoryUser, services: Services, body: dict[str, Any]
) -> RepositorySettings:
    """Change settings; those that are not named stay. Names and values are as `GET` shows them."""
    return await services.repositories.remember(who.name, who.project.name, body)


@router.get("/last")
async def last(who: RepositoryReader, services: Services) -> LastShape | None:
    """Show how the last start, push or rescue ended."""
    found = await services.repositories.last_work(who.name, who.project.name)
    return LastShape(job=found.job, outcome=found.outcome, at=found.at) if found else None


@router.post("/check")
async def check(who: RepositoryUser, services: Services) -> Outcome:
    """Ask the server whether address, key and branches are right, and what the key may do."""
    return await _work(who, services, Job.CHECK)


@router.get("/branches")
async def branches(who: RepositoryUser, services: Services) -> Outcome:
    """Ask the server for its branches and the default one."""
    return await _work(who, services, Job.BRANCHES)


@router.post("/push")
async def push(who: RepositoryUser, services: Services) -> Outcome:
    """Push to the head branch now, with a Jupyter server or without."""
    return await _work(who, services, Job.PUSH)


@router.get("/rescues")
async def rescues(who: RepositoryUser, services: Services) -> Outcome:
    """List what is kept aside: uncommitted changes and unpushed commits of earlier stops."""
    return await _work(who, services, Job.RESCUES)


@router.get("/rescues/{rescue}")
async def rescue(who: RepositoryUser, services: Services, rescue: RescueName) -> Outcome:
    """Show what a rescue holds, as a diff."""
    return await _work(who, services, Job.DIFF, rescue)


@router.post("/rescues/{rescue}/restore")
async def restore(who: RepositoryUser, services: Services, rescue: RescueName) -> Outcome:
    """Bring a rescue back into the working copy; the Jupyter server must not run."""
    return await restore_rescue(services, who.name, who.project.name, rescue)


@router.delete("/rescues/{rescue}")
async def forget(who: RepositoryUser, services: Services, rescue: RescueName) -> Outcome:
    """Delete a rescue."""
    return await _work(who, services, Job.FORGET, rescue)


async def _work(who: Member, services: Services, job: Job, rescue: str = "") -> Outcome:
    return await services.repositories.work(
        who.name,
        who.project.name,
        job,
        rescue=rescue,
    )
