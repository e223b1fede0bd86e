"""Page: who is a member of a project."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from hopyard.errors import Conflict, HopyardError, InvalidInput, NotFound
from hopyard.projects.scopes import Role
from hopyard.web import operations
from hopyard.web.deps import Member, MembersManager, MembersReader, Services
from hopyard.web.failures import status_of
from hopyard.web.views import ask, done, page
from hopyard.web.wiring import Wiring

router = APIRouter(prefix="/projects/{project}/members")
Text = Annotated[str, Form()]


@router.get("")
async def show(request: Request, who: MembersReader, services: Services) -> Response:
    """Show the members."""
    return await _page(request, who, services)


@router.post("")
async def add(
    request: Request,
    who: MembersManager,
    services: Services,
    user: Text = "",
    role: Text = Role.DATA_SCIENTIST,
) -> Response:
    """Add a member."""
    user = user.strip()
    try:
        if known := await _role(who, services, user):
            words = f"{user} is a member already, as {known.label.lower()}: change it in the table."
            raise Conflict(words)
        added = await operations.add_member(services, who.project.name, user, role)
    except (InvalidInput, Conflict) as error:
        return await _page(request, who, services, user, str(error), status_of(error))
    return done(request, _address(who), f"Added {user} as {added.role.label.lower()}.")


@router.post("/role")
async def change(
    request: Request,
    who: MembersManager,
    services: Services,
    user: Text = "",
    role: Text = "",
    seen: Text = "",
    confirm: Text = "",
) -> Response:
    """Change a member's role, unless it is another by now than the page showed."""
    try:
        known = await _role(who, services, user)
        if known is None:
            raise NotFound(f"{user} is not a member any more.")
        if seen and known != seen:
            label = known.label.lower()
            raise Conflict(f"{user} is {label} in the meantime: look again, then change it.")
        if user == who.name and role != known and not confirm:
            lines = ["You cannot add or remove members any more, nor give yourself the role back."]
            return ask(
                request,
                who,
                title="Give up being a data owner?",
                ends=lines,
                button="Change my role",
                back=_address(who),
                fields={"user": user, "role": role, "seen": seen},
            )
        changed = await operations.add_member(services, who.project.name, user, role)
    except (InvalidInput, Conflict, NotFound) as error:
        return await _page(request, who, services, "", str(error), status_of(error))
    return done(request, _address(who), f"{user} is {changed.role.label.lower()} now.")


@router.post("/remove")
async def remove(
    request: Request,
    who: MembersManager,
    services: Services,
    user: Text = "",
    confirm: Text = "",
) -> Response:
    """Remove a member with the server and sessions, once it was said what ends."""
    try:
        if await _role(who, services, user) is None:
            raise NotFound(f"{user} is not a member any more.")
        if not confirm:
            return ask(
                request,
                who,
                title=f"Remove {user} from {who.project.display_name}?",
                ends=await operations.ends_with(services, who.project.name, user),
                button=f"Remove {user}",
                back=_address(who),
                fields={"user": user},
            )
        await operations.remove_member(services, who.project.name, user, who.name)
    except HopyardError as error:
        return await _page(request, who, services, "", str(error), status_of(error))
    back = "/projects/" if user == who.name else _address(who)
    return done(request, back, f"Removed {user} from {who.project.name}.")


def _address(who: Member) -> str:
    return f"/projects/{who.project.name}/members"


async def _role(who: Member, services: Wiring, user: str) -> Role | None:
    members = await services.projects.members(who.project.name)
    return next((one.role for one in members if one.user == user), None)


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
