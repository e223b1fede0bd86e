"""Page for administrators: add people by one-time links."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from hopyard import audit
from hopyard.errors import Conflict, InvalidInput, NotFound
from hopyard.web import operations
from hopyard.web.deps import Caller, PeopleManager, Services
from hopyard.web.failures import status_of
from hopyard.web.views import ask, done, page
from hopyard.web.wiring import Wiring

router = APIRouter(prefix="/projects/people")


@router.get("")
async def show(request: Request, who: PeopleManager, services: Services) -> Response:
    """Show the open invitations."""
    return await _page(request, who, services)


@router.post("")
async def invite(
    request: Request,
    who: PeopleManager,
    services: Services,
    name: Annotated[str, Form()] = "",
    admin: Annotated[bool, Form()] = False,
) -> Response:
    """Make an invitation; its link is shown in this answer and never again."""
    try:
        link = await operations.invite(services, name, who.name, admin=admin)
    except (InvalidInput, Conflict) as error:
        return await _page(request, who, services, name, str(error), status_of(error))
    return await _page(request, who, services, link=link, invited=name.strip().lower())


@router.post("/password")
async def reset_password(
    request: Request, who: PeopleManager, services: Services, name: Annotated[str, Form()] = ""
) -> Response:
    """Make a link for a new password; it is shown in this answer and never again."""
    try:
        link = await operations.reset_password(services, name, who.name)
    except (InvalidInput, NotFound) as error:
        return await _page(request, who, services, "", str(error), status_of(error), reset=name)
    return await _page(request, who, services, link=link, invited=name.strip().lower())


@router.post("/revoke")
async def revoke(
    request: Request,
    who: PeopleManager,
    services: Services,
    invitation: Annotated[int, Form()],
    confirm: Annotated[str, Form()] = "",
) -> Response:
    """Withdraw an invitation, once it was said what ends."""
    waiting = await services.accounts.open()
    user = next((one.user for one in waiting if one.id == invitation), "")
    if user and not confirm:
        return ask(
            request,
            who,
            title=f"Withdraw the invitation of {user}?",
            ends=[f"The link that {user} got works no more. You can make a new one at any time."],
            button="Withdraw",
            back="/projects/people",
            fields={"invitation": str(invitation)},
        )
    try:
        await services.accounts.revoke(invitation)
    except NotFound as error:  # withdrawn in another tab, or accepted meanwhile
        return await _page(request, who, services, fault=str(error), status=status_of(error))
    audit.record(services.settings, who.name, "withdrew an invitation", user=user)
    return done(request, "/projects/people", f"Withdrew the invitation of {user}.")


async def _page(
    request: Request,
    who: Caller,
    services: Wiring,
    typed: str = "",
    fault: str = "",
    status: int = 200,
    link: str = "",
    invited: str = "",
    reset: str = "",
) -> Response:
    return page(
        request,
        "people.html",
        status=status,
        who=who,
        invitations=await services.accounts.open(),
        typed=typed,
        fault=fault,
        link=link,
        invited=invited,
        reset=reset,
    )
