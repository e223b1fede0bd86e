"""The one door at which a project's other parts (livy) ask whether somebody may come in."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel

from hopyard.errors import NotFound
from hopyard.projects.scopes import Role
from hopyard.web.deps import Allow, AllowInProject, Person, Services, bearer

router = APIRouter(tags=["access"])


class Access(BaseModel):
    """What the owner of a token is in a project."""

    project: str
    user: str
    role: Role
    admin: bool
    manages_sessions: bool
    """Whether also other members' sessions may be used: `sessions:manage`."""
    server: str | None
    """The project's name if it is its Jupyter server's own token; null for a person's."""


class AllowAccess(AllowInProject):
    """Lets pass a member, and web itself in the place of a user who is being removed."""

    async def __call__(self, request: Request, services: Services) -> Access:  # type: ignore[override]
        """Say what the owner of the request's token is in the project."""
        project = request.path_params["project"]
        deputy = services.seal.open_deputy(bearer(request))
        if deputy is not None:
            if deputy.project != project:
                raise NotFound(f"There is no project {project!r} that this token may see.")
            return Access(
                project=project,
                user=deputy.user,
                role=Role.DATA_SCIENTIST,
                admin=False,
                manages_sessions=False,
                server=None,
            )
        who = await super().__call__(request, services)
        return Access(
            project=project,
            user=who.name,
            role=who.membership.role,
            admin=who.admin,
            manages_sessions=MANAGER.allows(who),
            server=who.server,
        )


class Self(BaseModel):
    """What the owner of a token is outside of any project."""

    user: str
    reads_metrics: bool
    """Whether the Livy server's figures may be read: `metrics:read`."""
    server: str | None
    """The project whose Jupyter server's own token it is; null for a person's."""


METRICS_READER = Allow("metrics:read")
MANAGER = Allow("sessions:manage")
Asker = Annotated[Access, Depends(AllowAccess("sessions:use"))]


@router.get("/access")
async def access_outside(who: Person) -> Self:
    """Say what the owner of the token is outside of any project."""
    return Self(user=who.name, reads_metrics=METRICS_READER.allows(who), server=who.server)


@router.get("/projects/{project}/access")
async def access(who: Asker) -> Access:
    """Say what the owner of the token is in the project; 404 for those who are no members."""
    return who
