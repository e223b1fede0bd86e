"""A secret for a session's driver."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request

from hopyard.errors import NotAllowed, NotFound
from hopyard.livy.channel import is_driver
from hopyard.livy.deps import as_id, services

drivers = APIRouter()


@drivers.get("/livy/drivers/{session}/secrets/{name}", include_in_schema=False)
async def show(
    session: str, name: str, request: Request, owner: Annotated[str | None, Query()] = None
) -> dict[str, str]:
    """Hand a secret out to a session's driver."""
    known = services(request)
    found = known.sessions.of_driver(as_id(session))
    if found is None or not is_driver(found, request):
        raise NotAllowed("This is for the session's driver.")
    if known.secrets is None:
        raise NotFound("A Livy server that stands alone keeps no secrets.")
    value = await known.secrets.read(found, name, owner)
    known.sessions.hide(found, value)
    return {"value": value}
