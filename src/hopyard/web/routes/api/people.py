"""Invitations: one-time links for new people. For administrators."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel

from hopyard import audit
from hopyard.web import operations
from hopyard.web.deps import PeopleManager, Services

router = APIRouter(prefix="/invitations", tags=["people"])
passwords = APIRouter(prefix="/password-links", tags=["people"])


class NewInvitation(BaseModel, extra="forbid"):
    """An invitation to be made."""

    name: str
    admin: bool = False


class NewPassword(BaseModel, extra="forbid"):
    """Whose password is to be chosen anew."""

    name: str


class Link(BaseModel):
    """A new invitation's link, which is shown only once."""

    name: str
    link: str


class InvitationShape(BaseModel, from_attributes=True):
    """An open invitation."""

    id: int
    user: str
    admin: bool
    invited_by: str
    created_at: datetime
    expires_at: datetime


@router.get("")
async def invitations(who: PeopleManager, services: Services) -> list[InvitationShape]:
    """List the open invitations."""
    return [InvitationShape.model_validate(one) for one in await services.accounts.open()]


@router.post("", status_code=201)
async def invite(who: PeopleManager, services: Services, body: NewInvitation) -> Link:
    """Invite a person without an account; an older invitation of the same name is void."""
    link = await operations.invite(services, body.name, who.name, admin=body.admin)
    return Link(name=body.name.strip().lower(), link=link)


@router.delete("/{invitation}", status_code=204)
async def revoke(who: PeopleManager, services: Services, invitation: int) -> None:
    """Withdraw an invitation."""
    await services.accounts.revoke(invitation)
    audit.record(services.settings, who.name, "withdrew an invitation", invitation=invitation)


@passwords.post("", status_code=201)
async def reset_password(who: PeopleManager, services: Services, body: NewPassword) -> Link:
    """Make a one-time link with which a person with an account chooses a new password."""
    link = await operations.reset_password(services, body.name, who.name)
    return Link(name=body.name.strip().lower(), link=link)
