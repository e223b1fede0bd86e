"""One's own Jupyter server in a project, and its settings."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel

from hopyard.projects.jupyter.models import JupyterSettings
from hopyard.web.deps import JupyterExtender, JupyterUser, Services, SessionsUser
from hopyard.web.servers import ServerView

router = APIRouter(prefix="/projects/{project}/jupyter", tags=["jupyter"])


class ServerShape(BaseModel):
    """A Jupyter server now."""

    state: Literal["stopped", "starting", "running", "stopping", "failed"]
    step: str | None
    progress: int
    error: str | None
    url: str | None
    """Where JupyterLab, or Classic Notebook, is."""
    started_at: datetime | None
    expires_at: datetime | None

    @classmethod
    def of(cls, view: ServerView) -> ServerShape:
        """Make the shape of a server's view."""
        return cls(**{name: getattr(view, name) for name in cls.model_fields})


@router.get("/settings")
async def settings(who: JupyterUser, services: Services) -> JupyterSettings:
    """Show what one chose last, or the defaults."""
    return await services.jupyter.recall(who.name, who.project.name)


@router.put("/settings")
async def choose(who: JupyterUser, services: Services, body: dict[str, Any]) -> JupyterSettings:
    """Change settings; those that are not named stay. Names and values are as `GET` shows them."""
    return await services.jupyter.remember(who.name, who.project.name, body)


@router.get("/session")
async def session(who: SessionsUser, services: Services) -> dict[str, Any]:
    """Show the body of Livy's `POST /sessions` that the settings ask for now.

    The kernels of a running Jupyter server ask for it at each start of a session.
    """
    return await services.jupyter.session_request(who.name, who.project.name)


@router.get("/server")
async def state(who: JupyterExtender, services: Services) -> ServerShape:
    """Show how the server is."""
    return ServerShape.of(await services.servers.view(who.name, who.project.name))


@router.post("/server", status_code=202)
async def start(who: JupyterUser, services: Services) -> ServerShape:
    """Start the server with the settings; one that runs or is starting is left as it is."""
    await services.servers.start(who.name, who.project.name, who.token)
    return ServerShape.of(await services.servers.view(who.name, who.project.name))


@router.delete("/server", status_code=202)
async def stop(who: JupyterUser, services: Services) -> ServerShape:
    """Stop the server; one that does not run is left as it is."""
    await services.servers.stop(who.name, who.project.name, who.token)
    return ServerShape.of(await services.servers.view(who.name, who.project.name))


@router.post("/server/extend")
async def extend(who: JupyterExtender, services: Services) -> ServerShape:
    """Give the server six hours more."""
    await services.jupyter.extend(who.name, who.project.name)
    services.servers.bell.ring(who.name, who.project.name)
    return ServerShape.of(await services.servers.view(who.name, who.project.name))
