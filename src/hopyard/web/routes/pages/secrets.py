"""Page: one's own secrets. A value goes in and is never shown."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from hopyard.errors import HopyardError, InvalidInput, NotFound
from hopyard.projects.secrets.models import Secret
from hopyard.web.deps import Caller, SecretsManager, Services
from hopyard.web.failures import status_of
from hopyard.web.views import ask, done, page
from hopyard.web.wiring import Wiring

router = APIRouter(prefix="/projects/secrets")
Text = Annotated[str, Form()]
HERE = "/projects/secrets"


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
        known = {one.name for one in await services.secrets.mine(who.name)}
        await services.secrets.put(who.name, name, value, project or None)
    except HopyardError as error:
        field = (error.field if isinstance(error, InvalidInput) else None) or "name"
        typed = {"name": name, "project": project}
        return await _page(request, who, services, typed, {field: str(error)}, status_of(error))
    return done(request, HERE, f"{'Replaced' if name in known else 'Added'} the secret {name}.")


@router.post("/delete")
async def delete(
    request: Request, who: SecretsManager, services: Services, name: Text = "", confirm: Text = ""
) -> Response:
    """Delete a secret, once it was said what uses it."""
    mine = await services.secrets.mine(who.name)
    secret = next((one for one in mine if one.name == name), None)
    if secret is not None and not confirm:
        return ask(
            request,
            who,
            title=f"Delete the secret {name}?",
            ends=await _ends(services, secret),
            button=f"Delete {name}",
            back=HERE,
            fields={"name": name},
        )
    try:
        await services.secrets.delete(who.name, name)
    except NotFound as error:  # deleted in another tab
        return await _page(request, who, services, gone=str(error), status=status_of(error))
    return done(request, HERE, f"Deleted the secret {name}.")


async def _ends(services: Wiring, secret: Secret) -> list[str]:
    lines = ["Its value cannot be brought back."]
    if secret.project:
        lines.append(f"Members of {secret.project} cannot use it any more.")
    used = await services.repositories.using(secret.owner, secret.name, secret.project)
    lines += [f"It is the API key of the Git repository of {one}: pushes fail." for one in used]
    lines.append("Notebooks that ask for it fail from their next run on.")
    return lines


async def _page(
    request: Request,
    who: Caller,
    services: Wiring,
    typed: dict[str, str] | None = None,
    faults: dict[str, str] | None = None,
    status: int = 200,
    gone: str = "",
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
        gone=gone,
    )
