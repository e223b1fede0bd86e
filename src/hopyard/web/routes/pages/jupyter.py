"""The Jupyter page of a project: the heart of the product.

The page is rendered once; the server's state and the list of Spark applications then come by one
event stream, as rendered pieces, when they change.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from starlette.datastructures import FormData

from hopyard.errors import Conflict, HopyardError, InvalidForm, NotFound
from hopyard.projects.jupyter.models import LOG_LEVELS, JupyterSettings
from hopyard.projects.jupyter.rules import after_restart, ranges
from hopyard.web import forms
from hopyard.web.deps import JupyterUser, Member, Services, SessionsUser
from hopyard.web.events import stream
from hopyard.web.livy import PART_SECONDS, Application
from hopyard.web.routes.pages import repository
from hopyard.web.servers import ServerView
from hopyard.web.views import page, render
from hopyard.web.wiring import Wiring

router = APIRouter(prefix="/projects/{project}/jupyter")


@router.get("")
async def show(request: Request, who: JupyterUser, services: Services) -> Response:
    """Show the page."""
    settings = await services.jupyter.recall(who.name, who.project.name)
    return await _page(request, who, services, settings.model_dump())


@router.post("/settings")
async def save(request: Request, who: JupyterUser, services: Services) -> Response:
    """Check and keep the settings, without a start."""
    form = await request.form()
    text = "Saved."
    said = repository.changed(form)
    if "save" not in form and repository.unfinished(repository.typed(form)):
        # What is kept at each change does not blame a field that nobody came to yet.
        said, text = {}, "Saved, but for Git: it needs the repository's address."
    return await _save(request, who, services, form, said) or await _saved(
        request, who, services, text
    )


@router.post("/start")
async def start(request: Request, who: JupyterUser, services: Services) -> Response:
    """Check and keep the settings, then ask the Hub for the start in the person's name."""
    form = await request.form()
    if fault := await _save(request, who, services, form, repository.changed(form)):
        return fault
    try:
        await services.servers.start(who.name, who.project.name, who.token)
    except Conflict:
        view = await services.servers.view(who.name, who.project.name)
        if view.state != "failed":  # the page's state says why, unless there is none
            raise
    return await _saved(request, who, services, "")


@router.post("/stop")
async def stop(request: Request, who: JupyterUser, services: Services) -> Response:
    """Ask the Hub for the stop in the person's name."""
    await services.servers.stop(who.name, who.project.name, who.token)
    return _done(request, who)


@router.post("/extend")
async def extend(request: Request, who: JupyterUser, services: Services) -> Response:
    """Give the server six hours more."""
    await services.jupyter.extend(who.name, who.project.name)
    services.servers.bell.ring(who.name, who.project.name)
    return _done(request, who)


@router.post("/applications/{session}/stop")
async def stop_application(
    request: Request, who: SessionsUser, services: Services, session: int
) -> Response:
    """End a Spark application; one that is over already is no error."""
    with suppress(NotFound):
        await services.livy.stop(who.project.name, session, who.token)
    services.servers.bell.ring(who.name, who.project.name)
    return _done(request, who)


@router.get("/events")
async def events(request: Request, who: JupyterUser, services: Services) -> Response:
    """Stream the server's state and the Spark applications, as pieces of the page."""
    project = who.project.name
    view = ServerView("stopped")

    async def pieces() -> dict[str, str]:
        # Whoever is no member any more, or has signed out, sees nothing more.
        await services.hub.identify(who.token)
        await services.projects.membership(who.name, project)
        nonlocal view
        view = await services.servers.view(who.name, project)
        shown = await _applications(services, who)
        server = await _server(services, who, view, shown["applications"])
        return {
            "server": render("partials/server.html", who=who, **server),
            "applications": render("partials/applications.html", who=who, **shown),
            "seen": render("partials/seen.html", seen=await _seen(services, who)),
            **await repository.pieces(who, services),
        }

    async def pause() -> None:
        moving = view.state in ("starting", "stopping")
        await services.servers.bell.wait(who.name, project, 0.15 if moving else 2.0)

    return stream(request, pieces, pause)


async def _save(
    request: Request, who: Member, services: Wiring, form: FormData, said: dict[str, Any]
) -> Response | None:
    """Keep what the form says; return the answer with the faults if there are any."""
    typed = _typed(form)
    changed = forms.changed(form, typed)
    faults = await repository.faults(who, services, said)
    try:
        await services.jupyter.read(who.name, who.project.name, changed)
    except InvalidForm as error:
        faults = error.faults | faults
    if faults:
        if not request.headers.get("hx-request"):
            return await _page(request, who, services, typed, faults, 422, said)
        return page(
            request,
            "partials/saved.html",
            status=422,
            who=who,
            text="Not saved: correct the marked fields.",
            faults=faults,
            fields=_fields(),
            seen="",
        )
    await services.jupyter.remember(who.name, who.project.name, changed)
    if said:
        await services.repositories.remember(who.name, who.project.name, said)
    return None


def _typed(form: FormData) -> dict[str, Any]:
    return {name: str(form[name]) for name in JupyterSettings.model_fields if name in form}


def _fields() -> list[str]:
    return [*JupyterSettings.model_fields, *repository.FIELDS]


async def _saved(request: Request, who: Member, services: Wiring, text: str) -> Response:
    services.servers.bell.ring(who.name, who.project.name)
    if not request.headers.get("hx-request"):
        return RedirectResponse(f"/projects/{who.project.name}/jupyter", 303)
    return page(
        request,
        "partials/saved.html",
        who=who,
        text=text,
        faults={},
        fields=_fields(),
        seen=await _seen(services, who),
    )


async def _seen(services: Wiring, who: Member) -> str:
    """Return what is written down, as the page's form sends it back with the next change."""
    known = await services.jupyter.recall(who.name, who.project.name)
    git = await services.repositories.recall(who.name, who.project.name)
    shown = known.model_dump(exclude={"interface"})  # Start says which one, no field shows it
    return forms.sealed({**shown, **repository.named(git.model_dump())})


async def _server(
    services: Wiring, who: Member, view: ServerView, applications: list[Application]
) -> dict[str, Any]:
    """Return what the page says of the server: its state, and what it is not yet."""
    chosen = await services.jupyter.recall(who.name, who.project.name)
    return {
        "server": view,
        "waiting": after_restart(view.started_with, chosen) if view.started_with else [],
        "busy": [one for one in applications if one.state == "busy"],
    }


def _done(request: Request, who: Member) -> Response:
    """Answer what the event stream will show."""
    if request.headers.get("hx-request"):
        return Response(status_code=204)
    return RedirectResponse(f"/projects/{who.project.name}/jupyter", 303)


async def _page(
    request: Request,
    who: Member,
    services: Wiring,
    settings: dict[str, Any],
    faults: dict[str, str] | None = None,
    status: int = 200,
    said: dict[str, Any] | None = None,
) -> Response:
    known = await services.jupyter.recall(who.name, who.project.name)
    limits = services.settings.limits
    view = await services.servers.view(who.name, who.project.name)
    applications = await _applications(services, who)
    return page(
        request,
        "jupyter.html",
        status=status,
        who=who,
        seen=await _seen(services, who),
        local=services.settings.spark_master.startswith("local"),
        settings={**known.model_dump(), **settings},
        faults=faults or {},
        ranges=ranges(limits),
        hours=limits.hours,
        unlimited=limits.unlimited_hours,
        log_levels=LOG_LEVELS,
        **applications,
        **await _server(services, who, view, applications["applications"]),
        **await repository.shown(who, services, said or {}),
    )


async def _applications(services: Wiring, who: Member) -> dict[str, Any]:
    """Return the Spark applications, or why they cannot be shown: the page works without."""
    try:
        return {
            "applications": await services.livy.applications(
                who.project.name, who.token, PART_SECONDS
            ),
            "silent": "",
        }
    except HopyardError as error:
        return {"applications": [], "silent": str(error)}
