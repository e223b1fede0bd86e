"""Who one is."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from hopyard.web.deps import Person

router = APIRouter(tags=["me"])


class Me(BaseModel):
    """The one whose token it is."""

    name: str
    admin: bool
    server: str | None
    """The project whose Jupyter server's own token it is."""


@router.get("/me")
async def me(who: Person) -> Me:
    """Say whose token this is."""
    return Me(name=who.name, admin=who.admin, server=who.server)
