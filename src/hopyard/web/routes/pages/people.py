"""Page for administrators: add people by one-time links."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from hopyard.errors import InvalidInput
from hopyard.web.deps import Caller, PeopleManager, Services
from hopyard.web.failures import status_of
from hopyard.web.views import page
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
        token = await services.accounts.invite(name, admin, who.name)
    except InvalidInput as error:
        return await _page(request, who, services, name, str(error), status_of(error))
    link = f"{services.platform.public_url}hub/welcome#{token}"
    return await _page(request, who, services, link=link, invited=name.strip().lower())


@router.post("/revoke")
async def revoke(
    who: PeopleManager, services: Services, invitation: Annotated[int, Form()]
) -> Response:
    """Withdraw an invitation."""
    await services.accounts.revoke(invitation)
    return RedirectResponse("/projects/people", 303)


async def _page(
    request: Request,
    who: Caller,
    services: Wiring,
    typed: str = "",
    fault: str = "",
    status: int = 200,
    link: str = "",
    invited: str = "",
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
    )
