"""The Git part of the Jupyter page: its fields in the page's form, and its buttons."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response
from starlette.datastructures import FormData

from hopyard.errors import HopyardError, InvalidForm
from hopyard.projects.repositories.models import RepositorySettings
from hopyard.projects.repositories.rules import SWITCHES
from hopyard.protocol.git import Data, Job, Outcome, Reason, Rescue, State
from hopyard.web import forms
from hopyard.web.deps import Member, RepositoryUser, Services
from hopyard.web.operations import restore_rescue
from hopyard.web.views import page, render
from hopyard.web.wiring import Wiring

router = APIRouter(prefix="/projects/{project}/repository")
PREFIX = "git_"
RescueName = Annotated[str, Path(pattern=r"^[0-9]{8}T[0-9]{12}Z$")]
FIELDS = [f"{PREFIX}{name}" for name in RepositorySettings.model_fields]


def typed(form: FormData) -> dict[str, Any]:
    """Return what the form says of the repository; a box that is not ticked is not sent."""
    if f"{PREFIX}provider" not in form:
        return {}
    known = RepositorySettings.model_fields
    said: dict[str, Any] = {
        name: str(form[f"{PREFIX}{name}"]) for name in known if f"{PREFIX}{name}" in form
    }
    return said | {name: f"{PREFIX}{name}" in form for name in SWITCHES}


def changed(form: FormData) -> dict[str, Any]:
    """Return those of the repository's settings that the form's page did not show already."""
    found = forms.changed(form, named(typed(form)))
    return {name.removeprefix(PREFIX): value for name, value in found.items()}


def named(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings by the names of their fields in the form."""
    return {f"{PREFIX}{name}": value for name, value in settings.items()}


def unfinished(said: dict[str, Any]) -> bool:
    """Say whether Git was switched on and its repository is still to be typed."""
    return said.get("provider", "off") != "off" and not said.get("url", "").strip()


async def faults(who: Member, services: Wiring, said: dict[str, Any]) -> dict[str, str]:
    """Return what is wrong with it, by the names of the form's fields."""
    try:
        await services.repositories.read(who.name, who.project.name, said)
    except InvalidForm as error:
        return named(error.faults)
    return {}


async def shown(who: Member, services: Wiring, said: dict[str, Any]) -> dict[str, Any]:
    """Return what the page's Git part shows."""
    known = await services.repositories.recall(who.name, who.project.name)
    usable = await services.secrets.usable(who.name, who.project.name)
    return {
        "git": {**known.model_dump(), **said},
        "secrets": sorted({one.name for one in usable}),
        "last": await services.repositories.last_work(who.name, who.project.name),
        **{name.replace("-", "_"): text for name, text in (await pieces(who, services)).items()},
    }


async def pieces(who: Member, services: Wiring) -> dict[str, str]:
    """Return what the page says of the last work, also of work that was done elsewhere."""
    last = await services.repositories.last_work(who.name, who.project.name)
    outcome = last.outcome if last else None
    if not (await services.repositories.recall(who.name, who.project.name)).on:
        outcome = None
    return {
        "git-said": render("partials/last_work.html", last=last, outcome=outcome),
        "git-alert": render("partials/repository_alert.html", outcome=outcome),
    }


@router.post("/check")
async def check(request: Request, who: RepositoryUser, services: Services) -> Response:
    """Say at once whether address, key and branches of the form are right."""
    form = await request.form()
    said = typed(form)
    try:
        chosen = await services.repositories.read(who.name, who.project.name, said)
        outcome = await services.repositories.work(
            who.name, who.project.name, Job.CHECK, chosen=chosen
        )
    except InvalidForm as error:
        outcome = _failed(next(iter(error.faults.values())))
    except HopyardError as error:
        outcome = _failed(str(error))
    return _answer(request, who, outcome)


@router.post("/push")
async def push(request: Request, who: RepositoryUser, services: Services) -> Response:
    """Push to the head branch now, with a Jupyter server or without."""
    outcome = await _tried(services.repositories.work(who.name, who.project.name, Job.PUSH))
    services.servers.bell.ring(who.name, who.project.name)
    answer = _answer(request, who, outcome)
    answer.headers["HX-Trigger"] = "git-pushed"  # what is kept aside may be on the server by now
    return answer


@router.get("/rescues")
async def rescues(request: Request, who: RepositoryUser, services: Services) -> Response:
    """List what is kept aside of earlier servers; nothing where Git is off."""
    return await _kept(request, who, services, None)


@router.get("/rescues/{rescue}")
async def diff(
    request: Request, who: RepositoryUser, services: Services, rescue: RescueName
) -> Response:
    """Show what a rescue holds."""
    outcome = await _tried(
        services.repositories.work(who.name, who.project.name, Job.DIFF, rescue=rescue)
    )
    return page(request, "partials/rescue_diff.html", who=who, outcome=outcome)


@router.post("/rescues/{rescue}/restore")
async def restore(
    request: Request, who: RepositoryUser, services: Services, rescue: RescueName
) -> Response:
    """Bring a rescue back into the working copy."""
    work = restore_rescue(services, who.name, who.project.name, rescue)
    return await _kept(request, who, services, await _tried(work))


@router.post("/rescues/{rescue}/delete")
async def forget(
    request: Request, who: RepositoryUser, services: Services, rescue: RescueName
) -> Response:
    """Delete a rescue."""
    work = services.repositories.work(who.name, who.project.name, Job.FORGET, rescue=rescue)
    return await _kept(request, who, services, await _tried(work))


async def _kept(
    request: Request, who: Member, services: Wiring, outcome: Outcome | None
) -> Response:
    """Show the rescues that there are, after what was done with one."""
    found: list[tuple[datetime, Rescue]] = []
    if (await services.repositories.recall(who.name, who.project.name)).on:
        listed = await _tried(services.repositories.work(who.name, who.project.name, Job.RESCUES))
        found = [(_made(one), one) for one in listed.data.rescues if not one.here]
    return page(request, "partials/rescues.html", who=who, rescues=found, outcome=outcome)


def _made(rescue: Rescue) -> datetime:
    return datetime.strptime(rescue.name, "%Y%m%dT%H%M%S%fZ").replace(tzinfo=UTC)


async def _tried(work: Awaitable[Outcome]) -> Outcome:
    try:
        return await work
    except HopyardError as error:
        return _failed(str(error))


def _failed(sentence: str) -> Outcome:
    return Outcome(state=State.FAILED, sentence=sentence, reason=Reason.INTERNAL, data=Data())


def _answer(request: Request, who: Member, outcome: Outcome) -> Response:
    return page(request, "partials/repository_said.html", who=who, outcome=outcome)
