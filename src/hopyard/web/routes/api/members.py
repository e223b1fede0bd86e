"""Members of a project."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel

from hopyard.projects.members.models import Member
from hopyard.projects.scopes import Role
from hopyard.web import operations
from hopyard.web.deps import MembersManager, MembersReader, Services

router = APIRouter(prefix="/projects/{project}/members", tags=["members"])


class MemberShape(BaseModel):
    """A member."""

    user: str
    role: Role
    since: datetime

    @classmethod
    def of(cls, member: Member) -> MemberShape:
        """Make the shape of a member."""
        return cls(user=member.user, role=member.role, since=member.since)


class Place(BaseModel, extra="forbid"):
    """What a user is to be in a project."""

    role: str = Role.DATA_SCIENTIST


@router.get("")
async def members(who: MembersReader, services: Services) -> list[MemberShape]:
    """List the members."""
    return [MemberShape.of(one) for one in await services.projects.members(who.project.name)]


@router.put("/{user}")
async def put(who: MembersManager, services: Services, user: str, body: Place) -> MemberShape:
    """Add a member, or change a member's role."""
    added = await operations.add_member(services, who.project.name, user, body.role)
    return MemberShape.of(added)


@router.delete("/{user}", status_code=204)
async def remove(who: MembersManager, services: Services, user: str) -> None:
    """Remove a member; the member's server and sessions in the project are stopped."""
    await operations.remove_member(services, who.project.name, user, who.name)
