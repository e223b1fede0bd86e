"""Who is asking, in which project, and may they: said once, here, for every route.

Each route takes exactly one of the `Annotated` types at the end; each names one permission of
`projects.scopes.PERMISSIONS`. Below `/api/` only a bearer token counts, elsewhere only the cookie:
a page of another site cannot make a browser send the former, and the latter is checked for it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, cast

from fastapi import Depends, Request
from starlette.requests import HTTPConnection

from hopyard.errors import NotAllowed, NotFound, NotSignedIn
from hopyard.projects.members.models import Membership, Project
from hopyard.projects.scopes import PERMISSIONS, Scope
from hopyard.protocol.tokens import is_token
from hopyard.web import forgery, hosts
from hopyard.web.seal import CookieSession
from hopyard.web.wiring import Wiring

COOKIE = "hopyard-session"
API = "/api/"
SCOPE = "access:services!service=web"
"""What a person's token needs: one that was made for less at `/hub/token` stays worth less."""
_WHOLE = frozenset({SCOPE, "access:services"})


@dataclass(frozen=True)
class Caller:
    """Who is asking."""

    name: str
    admin: bool
    token: str
    server: str | None = None
    """The project whose Jupyter server is asking with its own token; None: a person."""
    csrf: str = ""


@dataclass(frozen=True)
class Member(Caller):
    """A member of the project in the address, who is asking."""

    membership: Membership = field(kw_only=True)

    @property
    def project(self) -> Project:
        """The project in the address."""
        return self.membership.project

    def may(self, permission: str) -> bool:
        """Say whether the member's role has a permission."""
        return self.membership.may(permission)


def wiring(connection: HTTPConnection) -> Wiring:
    """Return the services of this process."""
    return cast(Wiring, connection.app.state.wiring)


Services = Annotated[Wiring, Depends(wiring)]


async def caller(request: Request, services: Wiring) -> Caller:
    """Return who is asking.

    Raises:
        NotSignedIn: nobody who is known to the Hub.
        NotAllowed: the request did not begin on one of our pages, or the token is for less.
    """
    if request.url.path.startswith(API):
        token = bearer(request)
        who = await services.hub.identify(token)
        if who.server is None and not who.scopes & _WHOLE:
            raise NotAllowed(f"This token lacks the scope {SCOPE}.")
        return Caller(who.user, who.admin, token, who.server)
    session = session_of(request, services)
    if session is None:
        raise NotSignedIn("Please sign in.")
    who = await services.hub.identify(session.token)
    await forgery.check(request, session.csrf, services.platform.public_url)
    return Caller(who.user, who.admin, session.token, None, session.csrf)


def session_of(request: Request, services: Wiring) -> CookieSession | None:
    """Return what the cookie says that counts at the request's host."""
    if hosts.is_here(request, services.platform):
        return services.seal.open_session(request.cookies.get(COOKIE, ""))
    place = hosts.ui_place(services.platform, request.url.path)
    cookie = request.cookies.get(hosts.UI_COOKIE, "")
    return services.seal.open_ui_session(cookie, place.path) if place else None


def bearer(request: Request) -> str:
    """Return the token of a request to the API.

    Raises:
        NotSignedIn: there is none.
    """
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() not in ("bearer", "token") or not token.strip():
        raise NotSignedIn("Send a Hub token: `Authorization: Bearer TOKEN`.")
    if not is_token(token.strip()):
        raise NotSignedIn("The token is not known to the Hub, has expired or was revoked.")
    return token.strip()


class Allow:
    """A dependency that lets pass who has one permission outside of any project."""

    def __init__(self, permission: str) -> None:
        self.permission = permission
        self.row = PERMISSIONS[permission]

    async def __call__(self, request: Request, services: Services) -> Caller:
        """Return who is asking, if they may."""
        who = await caller(request, services)
        self._check_token(who)
        if self.row.scope is Scope.ADMINISTRATOR and not who.admin:
            raise NotAllowed("Only an administrator may do this.")
        return who

    def allows(self, who: Caller) -> bool:
        """Say whether one who is known already has the permission."""
        by_token = who.server is None or self.row.by_server
        return by_token and (self.row.scope is not Scope.ADMINISTRATOR or who.admin)

    def _check_token(self, who: Caller) -> None:
        if who.server is not None and not self.row.by_server:
            raise NotAllowed("A Jupyter server's own token may not do this: use your own token.")


class AllowInProject(Allow):
    """A dependency that lets pass a member whose role has one permission."""

    async def __call__(self, request: Request, services: Services) -> Member:
        """Return the member who is asking, if they may; for others the project is not there."""
        who = await caller(request, services)
        return await self.member(who, request.path_params["project"], services)

    async def member(self, who: Caller, project: str, services: Wiring) -> Member:
        """Return a caller as a member.

        Raises:
            NotFound: not a member, or a token of another project's server.
            NotAllowed: the role, or the kind of token, does not have the permission.
        """
        membership = await services.projects.membership(who.name, project)
        if who.server not in (None, project):
            raise NotFound(f"There is no project {project!r} that this token may see.")
        self._check_token(who)
        membership.require(self.permission)
        return Member(who.name, who.admin, who.token, who.server, who.csrf, membership=membership)


def public() -> None:
    """Let anybody pass; routes without a permission name this, so that none forgets."""


Public = Depends(public)

Person = Annotated[Caller, Depends(Allow("self:read"))]
ProjectsLister = Annotated[Caller, Depends(Allow("projects:list"))]
ProjectMaker = Annotated[Caller, Depends(Allow("projects:create"))]
SecretsManager = Annotated[Caller, Depends(Allow("secrets:manage"))]
PeopleManager = Annotated[Caller, Depends(Allow("people:manage"))]

ProjectReader = Annotated[Member, Depends(AllowInProject("project:read"))]
ProjectUpdater = Annotated[Member, Depends(AllowInProject("project:update"))]
ProjectDeleter = Annotated[Member, Depends(AllowInProject("project:delete"))]
MembersReader = Annotated[Member, Depends(AllowInProject("members:read"))]
MembersManager = Annotated[Member, Depends(AllowInProject("members:manage"))]
JupyterUser = Annotated[Member, Depends(AllowInProject("jupyter:use"))]
JupyterExtender = Annotated[Member, Depends(AllowInProject("jupyter:extend"))]
RepositoryReader = Annotated[Member, Depends(AllowInProject("repository:read"))]
RepositoryUser = Annotated[Member, Depends(AllowInProject("repository:use"))]
SessionsUser = Annotated[Member, Depends(AllowInProject("sessions:use"))]
LogsReader = Annotated[Member, Depends(AllowInProject("logs:read"))]
