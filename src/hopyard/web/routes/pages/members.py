"""Page: who is a member of a project."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from hopyard.errors import Conflict, InvalidInput
from hopyard.projects.scopes import Role
from hopyard.web import operations
from hopyard.web.deps import Member, MembersManager, MembersReader, Services
from hopyard.web.failures import status_of
from hopyard.web.views import page
from hopyard.web.wiring import Wiring

router = APIRouter(prefix="/projects/{project}/members")
Text = Annotated[str, Form()]


@router.get("")
async def show(request: Request, who: MembersReader, services: Services) -> Response:
    """Show the members."""
    return await _page(request, who, services)


@router.post("")
async def put(
    request: Request,
    who: MembersManager,
    services: Services,
    user: Text = "",
    role: Text = Role.DATA_SCIENTIST,
) -> Response:
    """Add a member, or change a member's role."""
    try:
        await operations.add_member(services, who.project.name, user, role)
    except (InvalidInput, Conflict) as error:
        return await _page(request, who, services, user, str(error), status_of(error))
    return _back(who)


@router.post("/remove")
async def remove(
    request: Request, who: MembersManager, services: Services, user: Text = ""
) -> Response:
    """Remove a member, whose server and sessions in the project are stopped."""
    try:
        await operations.remove_member(services, who.project.name, user)
    except Conflict as error:
        return await _page(request, who, services, "", str(error), status_of(error))
    return RedirectResponse("/projects/", 303) if user == who.name else _back(who)


def _back(who: Member) -> Response:
    return RedirectResponse(f"/projects/{who.project.name}/members", 303)


async def _page(
    request: Request,
    who: Member,
    services: Wiring,
    typed: str = "",
    fault: str = "",
    status: int = 200,
) -> Response:
    return page(
        request,
        "members.html",
        status=status,
        who=who,
        members=await services.projects.members(who.project.name),
        roles=list(Role),
        typed=typed,
        fault=fault,
    )
