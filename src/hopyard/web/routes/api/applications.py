"""One's own running Spark applications; all else about them is livy's API."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from hopyard.web.deps import Services, SessionsUser

router = APIRouter(prefix="/projects/{project}/applications", tags=["applications"])


class ApplicationShape(BaseModel, from_attributes=True):
    """A running Spark application."""

    id: int
    kind: str
    app_id: str | None
    name: str | None
    state: str
    memory: str
    cores: str
    started: str | None


@router.get("")
async def applications(who: SessionsUser, services: Services) -> list[ApplicationShape]:
    """List them."""
    found = await services.livy.applications(who.project.name, who.token)
    return [ApplicationShape.model_validate(one) for one in found]


@router.delete("/{session}", status_code=204)
async def stop(who: SessionsUser, services: Services, session: int) -> None:
    """End one."""
    await services.livy.stop(who.project.name, session, who.token)
    services.servers.bell.ring(who.name, who.project.name)
