"""Projects."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from hopyard.web import operations
from hopyard.web.deps import (
    ProjectDeleter,
    ProjectMaker,
    ProjectReader,
    ProjectsLister,
    ProjectUpdater,
    Services,
)
from hopyard.web.routes.api.shapes import ProjectShape

router = APIRouter(prefix="/projects", tags=["projects"])


class NewProject(BaseModel, extra="forbid"):
    """A project to be made."""

    name: str
    display_name: str = ""


class ProjectChange(BaseModel, extra="forbid"):
    """What can be changed about a project."""

    display_name: str


@router.get("")
async def mine(who: ProjectsLister, services: Services) -> list[ProjectShape]:
    """List the projects that one is a member of."""
    return [ProjectShape.of(one) for one in await services.projects.mine(who.name)]


@router.post("", status_code=201)
async def create(who: ProjectMaker, services: Services, body: NewProject) -> ProjectShape:
    """Make a project; one is its data owner."""
    made = await services.projects.create(body.name, body.display_name, who.name)
    return ProjectShape.of(made)


@router.get("/{project}")
async def show(who: ProjectReader) -> ProjectShape:
    """Show a project."""
    return ProjectShape.of(who.membership)


@router.patch("/{project}")
async def change(who: ProjectUpdater, services: Services, body: ProjectChange) -> ProjectShape:
    """Change a project's display name."""
    changed = await services.projects.rename(who.project.name, body.display_name)
    return ProjectShape.of(who.membership, changed)


@router.delete("/{project}", status_code=204)
async def delete(who: ProjectDeleter, services: Services, put_aside: bool = False) -> None:
    """Stop all that runs in a project and delete it.

    Where members have work that is on no Git server it is refused, unless `put_aside` is true: then
    their working copies are put aside with the project's files.
    """
    await operations.delete_project(services, who.project.name, who.name, put_aside=put_aside)
