"""Secrets: kept under one's own name; their values are given to notebooks and drivers only."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, SecretStr

from hopyard.errors import NotFound
from hopyard.projects.secrets.models import Secret
from hopyard.protocol.names import of_header
from hopyard.web.deps import AllowInProject, Caller, Member, SecretsManager, Services, bearer

router = APIRouter(tags=["secrets"])


class NewSecret(BaseModel, extra="forbid"):
    """A value to be kept."""

    value: SecretStr
    project: str | None = None
    """A project to share it with; without one it is private."""


class SecretShape(BaseModel, from_attributes=True):
    """A secret; its value is never shown."""

    owner: str
    name: str
    project: str | None
    created_at: datetime
    updated_at: datetime


class ReadShape(BaseModel, from_attributes=True):
    """A value was handed out."""

    name: str
    reader: str
    project: str
    way: str
    at: datetime


class Value(BaseModel):
    """A secret's value."""

    value: str


class AllowSecret(AllowInProject):
    """Lets pass a member, and livy in the place of the owner of a session."""

    async def __call__(self, request: Request, services: Services) -> Member:
        """Return the member who is asking, or for whom livy asks."""
        if not services.is_livy(bearer(request)):
            return await super().__call__(request, services)
        owner = of_header(request.headers.get("x-hopyard-user", ""))
        project = request.path_params["project"]
        return await self.member(Caller(owner, False, "", project), project, services)


SecretUser = Annotated[Member, Depends(AllowSecret("secrets:use"))]


def _shape(secret: Secret) -> SecretShape:
    return SecretShape.model_validate(secret)


@router.get("/secrets")
async def mine(who: SecretsManager, services: Services) -> list[SecretShape]:
    """List one's own secrets."""
    return [_shape(one) for one in await services.secrets.mine(who.name)]


@router.get("/secrets/reads")
async def reads(who: SecretsManager, services: Services) -> list[ReadShape]:
    """List the last 100 times that values of one's own secrets were handed out."""
    return [ReadShape.model_validate(one) for one in await services.secrets.reads(who.name)]


@router.put("/secrets/{name}")
async def put(who: SecretsManager, services: Services, name: str, body: NewSecret) -> SecretShape:
    """Add a secret, or replace the one of this name."""
    value = body.value.get_secret_value()
    return _shape(await services.secrets.put(who.name, name, value, body.project))


@router.delete("/secrets/{name}", status_code=204)
async def delete(who: SecretsManager, services: Services, name: str) -> None:
    """Delete a secret."""
    await services.secrets.delete(who.name, name)


@router.get("/projects/{project}/secrets")
async def usable(who: SecretUser, services: Services) -> list[SecretShape]:
    """List the secrets that one may use in a project: one's own and those shared with it."""
    return [_shape(one) for one in await services.secrets.usable(who.name, who.project.name)]


@router.get("/projects/{project}/secrets/{name}")
async def value(
    who: SecretUser,
    services: Services,
    name: str,
    owner: Annotated[str | None, Query(description="Whose, where several share one.")] = None,
) -> Value:
    """Hand a value out to a notebook or a Spark driver; a person gets none."""
    if who.server is None:
        raise NotFound("Values are given to notebooks and Spark drivers only.")
    way = "notebook" if who.token else "Spark driver"
    found = await services.secrets.read(who.name, who.project.name, name, owner=owner, way=way)
    return Value(value=found)
