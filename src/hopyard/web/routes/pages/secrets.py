"""Page: one's own secrets. A value goes in and is never shown."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from hopyard.errors import HopyardError, InvalidInput
from hopyard.web.deps import Caller, SecretsManager, Services
from hopyard.web.failures import status_of
from hopyard.web.views import page
from hopyard.web.wiring import Wiring

router = APIRouter(prefix="/projects/secrets")
Text = Annotated[str, Form()]


@router.get("")
async def show(request: Request, who: SecretsManager, services: Services) -> Response:
    """Show the secrets, and who read them."""
    return await _page(request, who, services)


@router.post("")
async def put(
    request: Request,
    who: SecretsManager,
    services: Services,
    name: Text = "",
    value: Text = "",
    project: Text = "",
) -> Response:
    """Add a secret, or replace the one of this name."""
    name = name.strip()
    try:
        await services.secrets.put(who.name, name, value, project or None)
    except HopyardError as error:
        field = (error.field if isinstance(error, InvalidInput) else None) or "name"
        typed = {"name": name, "project": project}
        return await _page(request, who, services, typed, {field: str(error)}, status_of(error))
    return RedirectResponse("/projects/secrets", 303)


@router.post("/delete")
async def delete(who: SecretsManager, services: Services, name: Text = "") -> Response:
    """Delete a secret."""
    await services.secrets.delete(who.name, name)
    return RedirectResponse("/projects/secrets", 303)


async def _page(
    request: Request,
    who: Caller,
    services: Wiring,
    typed: dict[str, str] | None = None,
    faults: dict[str, str] | None = None,
    status: int = 200,
) -> Response:
    return page(
        request,
        "secrets.html",
        status=status,
        who=who,
        secrets=await services.secrets.mine(who.name),
        reads=await services.secrets.reads(who.name),
        memberships=await services.projects.mine(who.name),
        typed=typed or {},
        faults=faults or {},
    )
