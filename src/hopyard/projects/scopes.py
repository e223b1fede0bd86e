"""Permissions: one table says what each means and who has it; each route of `web` declares one.

What a person may do in a project depends on the role only. A Jupyter server's own token may do
what `by_server` says, in its own project: code in a notebook never manages members.

Being an administrator gives nobody's work: neither projects that one is no member of, nor others'
Jupyter servers or tokens (`hub/roles.py`). Whoever is to help in a project is made a member of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hopyard.errors import NotAllowed


class Role(StrEnum):
    """What a member is in a project."""

    DATA_OWNER = "data_owner"
    DATA_SCIENTIST = "data_scientist"

    @property
    def label(self) -> str:
        """The role in words."""
        return self.value.replace("_", " ").capitalize()


class Scope(StrEnum):
    """What a permission is about, and so what has to be known before it can be given."""

    PUBLIC = "public"
    """Anybody, without sign-in."""
    PERSON = "person"
    """Anybody who is signed in."""
    ADMINISTRATOR = "administrator"
    """An administrator of the Hub."""
    PROJECT = "project"
    """A member of the project in the address; for everybody else the project does not exist."""


@dataclass(frozen=True)
class Permission:
    """One row of the table."""

    description: str
    scope: Scope = Scope.PROJECT
    roles: frozenset[Role] = frozenset()
    by_server: bool = False
    """Whether a Jupyter server's own token has it too."""


_BOTH = frozenset(Role)
_OWNER = frozenset({Role.DATA_OWNER})

PERMISSIONS: dict[str, Permission] = {
    "public": Permission("Sign in, sign out and ask whether the server lives", Scope.PUBLIC),
    "self:read": Permission("See who one is", Scope.PERSON, by_server=True),
    "projects:list": Permission("See the projects that one is a member of", Scope.PERSON),
    "projects:create": Permission("Make a project and own it", Scope.PERSON),
    "secrets:manage": Permission("Add, replace and delete one's own secrets", Scope.PERSON),
    "people:manage": Permission("Invite people and withdraw invitations", Scope.ADMINISTRATOR),
    "project:read": Permission("See the project", roles=_BOTH, by_server=True),
    "project:update": Permission("Rename the project", roles=_OWNER),
    "project:delete": Permission("Delete the project", roles=_OWNER),
    "members:read": Permission("See who is a member", roles=_BOTH, by_server=True),
    "members:manage": Permission("Add and remove members, change roles", roles=_OWNER),
    "jupyter:use": Permission("Start, stop and set one's own Jupyter server", roles=_BOTH),
    "jupyter:extend": Permission(
        "See and lengthen the time of one's own Jupyter server", roles=_BOTH, by_server=True
    ),
    "sessions:use": Permission("Use one's own Spark sessions", roles=_BOTH, by_server=True),
    "sessions:manage": Permission(
        "In projects that one is a member of: see, use and end every member's Spark sessions, "
        "by the Livy API",
        Scope.ADMINISTRATOR,
    ),
    "metrics:read": Permission("Read the Livy server's figures", Scope.ADMINISTRATOR),
    "logs:read": Permission("Read the logs of one's own server and sessions", roles=_BOTH),
    "secrets:use": Permission(
        "Use one's own secrets and those that are shared with the project",
        roles=_BOTH,
        by_server=True,
    ),
    "repository:read": Permission(
        "See how the last work on one's own Git working copy ended", roles=_BOTH, by_server=True
    ),
    "repository:use": Permission(
        "Choose one's own Git repository, look at it and push to it", roles=_BOTH
    ),
    "datasets:read": Permission("Read the project's datasets", roles=_BOTH, by_server=True),
}


def require(role: Role, permission: str) -> None:
    """Check that a member of this role has a permission.

    Raises:
        NotAllowed: the role does not have it.
    """
    row = PERMISSIONS[permission]
    if role not in row.roles:
        allowed = " or ".join(sorted(f"a {r.label.lower()}" for r in row.roles))
        raise NotAllowed(f"Only {allowed} may do this: {row.description.lower()}.")
