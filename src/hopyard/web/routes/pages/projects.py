"""Pages: my projects, a project's settings."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from hopyard.errors import Conflict, InvalidInput
from hopyard.web import operations
from hopyard.web.deps import (
    Caller,
    Member,
    ProjectDeleter,
    ProjectMaker,
    ProjectReader,
    ProjectsLister,
    ProjectUpdater,
    Public,
    Services,
)
from hopyard.web.failures import status_of
from hopyard.web.views import done, page
from hopyard.web.wiring import Wiring

router = APIRouter()
Text = Annotated[str, Form()]


@router.get("/projects", dependencies=[Public])
async def without_slash() -> Response:
    """Lead to the address that the session's cookie is for."""
    return RedirectResponse("/projects/", 307)


@router.get("/projects/")
async def mine(request: Request, who: ProjectsLister, services: Services) -> Response:
    """Show the projects that one is a member of."""
    return await _mine(request, who, services)


@router.post("/projects/")
async def create(
    request: Request,
    who: ProjectMaker,
    services: Services,
    name: Text = "",
    display_name: Text = "",
) -> Response:
    """Make a project."""
    try:
        made = await services.projects.create(name, display_name, who.name)
    except (InvalidInput, Conflict) as error:
        typed = {"name": name, "display_name": display_name}
        field = error.field if isinstance(error, InvalidInput) else "name"
        return await _mine(
            request, who, services, typed, {field or "name": str(error)}, status_of(error)
        )
    return RedirectResponse(f"/projects/{made.project.name}/jupyter", 303)


@router.get("/projects/{project}")
async def first_page(who: ProjectReader) -> Response:
    """Lead to the heart of a project."""
    return RedirectResponse(f"/projects/{who.project.name}/jupyter", 303)


@router.get("/projects/{project}/settings")
async def settings(request: Request, who: ProjectReader) -> Response:
    """Show a project's settings."""
    return _settings(request, who)


@router.post("/projects/{project}/settings")
async def rename(
    request: Request,
    who: ProjectUpdater,
    services: Services,
    display_name: Text = "",
    seen: Text = "",
) -> Response:
    """Change the display name, unless it is another by now than the page showed."""
    known = who.project.display_name
    if seen and known not in (seen, display_name.strip()):
        fault = f"The project was renamed to “{known}” in the meantime: look again, then rename it."
        return _settings(request, who, {"display_name": fault}, 409)
    try:
        await services.projects.rename(who.project.name, display_name)
    except InvalidInput as error:
        return _settings(request, who, {"display_name": str(error)}, status_of(error))
    return done(request, f"/projects/{who.project.name}/settings", "Renamed the project.")


@router.post("/projects/{project}/delete")
async def delete(
    request: Request,
    who: ProjectDeleter,
    services: Services,
    confirm: Text = "",
    put_aside: Text = "",
) -> Response:
    """Delete the project, once its name was typed."""
    if confirm.strip() != who.project.name:
        fault = f"Type the project's name, {who.project.name}."
        return _settings(request, who, {"confirm": fault}, 422)
    try:
        await operations.delete_project(
            services, who.project.name, who.name, put_aside=bool(put_aside)
        )
    except operations.UnpushedWork as error:
        return _settings(request, who, {}, status_of(error), error.lines)
    return done(request, "/projects/", f"Deleted the project {who.project.name}.")


async def _mine(
    request: Request,
    who: Caller,
    services: Wiring,
    typed: dict[str, str] | None = None,
    faults: dict[str, str] | None = None,
    status: int = 200,
) -> Response:
    memberships = await services.projects.mine(who.name)
    return page(
        request,
        "projects.html",
        status=status,
        who=who,
        memberships=memberships,
        typed=typed or {},
        faults=faults or {},
    )


def _settings(
    request: Request,
    who: Member,
    faults: dict[str, str] | None = None,
    status: int = 200,
    unpushed: list[str] | None = None,
) -> Response:
    return page(
        request,
        "settings.html",
        status=status,
        who=who,
        faults=faults or {},
        unpushed=unpushed or [],
    )
