"""Who is asking: the one place where a request becomes a `Caller`, or is refused.

In the platform, web knows the projects and their members: `GET /api/v1/projects/P/access` with the
caller's own token. Its answer is kept for at most 3 s, so a removed member is out that fast.
Standing alone, the server takes the tokens of a file, or is open on loopback only.

A browser sends a page's cross-site POST without asking. Nobody here is known by a cookie, but on
loopback nobody needs to sign in: so such requests are refused by what the browser says of them.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import httpx
from starlette.requests import HTTPConnection

from hopyard import log
from hopyard.errors import NotAllowed, NotFound, NotSignedIn, SetupError, Unavailable
from hopyard.protocol.names import is_name, segment
from hopyard.protocol.tokens import is_token
from hopyard.settings import Platform

KEPT_SECONDS = 3.0
KEPT_MOST = 10_000
STANDALONE = "standalone"
"""The project of a server that stands alone."""
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
ADMIN = "admin"
"""What marks an administrator's line in a token file."""
FORM_TYPES = ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data")


_log = log.get(__name__)


@dataclass(frozen=True)
class Caller:
    """Who asks, in which project."""

    project: str
    user: str
    """Empty where nobody signs in."""
    server: str | None = None
    """The Jupyter server whose own token was shown."""
    manages: bool = False
    """Whether the project's other sessions may be seen, used and ended too."""


class Access(Protocol):
    """Turns a request into the one who asks."""

    async def caller(self, request: HTTPConnection, project: str | None) -> Caller:
        """Return who asks.

        Raises:
            NotSignedIn: nobody known.
            NotFound: the project is not there for the one who asks.
            Unavailable: it cannot be said now.
        """

    async def close(self) -> None:
        """Close what is open."""


def token_of(request: HTTPConnection) -> str | None:
    """Return the token of a request: bearer, the Hub's `token`, or the password of basic."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    value = value.strip()
    match scheme.lower():
        case "bearer" | "token":
            return value or None
        case "basic":
            try:
                _, _, password = base64.b64decode(value, validate=True).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                return None
            return password or None
    return None


def refuse_cross_site(request: HTTPConnection, method: str, own: set[str]) -> None:
    """Refuse what a page of another site made a browser send.

    Args:
        request: what came.
        method: its method.
        own: hosts (with port) that are this server's own names, besides the one it was asked by.

    Raises:
        NotAllowed: it comes from another site.
    """
    if method in SAFE_METHODS:
        return
    headers = request.headers
    if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        raise NotAllowed("Requests from pages of other sites are refused.")
    origin = headers.get("origin")
    if origin is None:
        return
    if urlsplit(origin).netloc not in own | {headers.get("host", "")}:
        raise NotAllowed("Requests from pages of other sites are refused.")
    if headers.get("content-type", "").split(";")[0].strip().lower() in FORM_TYPES:
        raise NotAllowed("Send application/json.")


class PlatformAccess:
    """Asks web who may what in a project."""

    def __init__(self, platform: Platform) -> None:
        self._http = httpx.AsyncClient(
            base_url=platform.web_url, timeout=10, trust_env=False, follow_redirects=False
        )
        self._kept: dict[tuple[str, str], tuple[float, Caller]] = {}
        self._own = {urlsplit(platform.public_url).netloc}

    async def caller(self, request: HTTPConnection, project: str | None) -> Caller:
        """Return who asks (see `Access`)."""
        refuse_cross_site(request, request.scope.get("method", "GET"), self._own)
        token = token_of(request)
        if token is None:
            raise NotSignedIn("A token of the Hub is needed.")
        if not is_token(token):
            raise NotSignedIn("The token is unknown, has expired or was revoked.")
        if project is not None and not is_name(project):
            raise NotFound(f"Project '{project[:100]}' not found.")
        key = (hashlib.sha256(token.encode(errors="replace")).hexdigest(), project or "")
        kept = self._kept.get(key)
        if kept is not None and kept[0] > time.monotonic():
            return kept[1]
        caller = await self._ask(token, project)
        if len(self._kept) >= KEPT_MOST:
            self._kept.clear()
        self._kept[key] = (time.monotonic() + KEPT_SECONDS, caller)
        return caller

    async def _ask(self, token: str, project: str | None) -> Caller:
        place = f"projects/{segment(project)}/access" if project else "access"
        try:
            response = await self._http.get(
                f"api/v1/{place}",
                headers={"Authorization": f"Bearer {token}"},
            )
        except httpx.HTTPError as error:
            raise Unavailable(
                f"The platform does not say who is asking ({type(error).__name__})."
            ) from None
        match response.status_code:
            case 200:
                answer = response.json()
                return Caller(
                    answer.get("project", ""),
                    answer["user"],
                    answer.get("server"),
                    manages=answer.get("manages_sessions" if project else "reads_metrics", False),
                )
            case 401:
                raise NotSignedIn("The token is unknown, has expired or was revoked.")
            case 403 | 404 | 422:
                raise NotFound(f"Project '{project or ''}' not found.")
        raise Unavailable(_reason(response))

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()


def _reason(response: httpx.Response) -> str:
    """Return why web does not say who is asking, in its own words where it has some."""
    try:
        return str(response.json()["error"])
    except (ValueError, KeyError, TypeError):
        return f"The platform does not say who is asking ({response.status_code})."


class LoopbackAccess:
    """Everybody on this machine, nobody else; without sign-in."""

    async def caller(self, request: HTTPConnection, project: str | None) -> Caller:
        """Return who asks (see `Access`)."""
        refuse_cross_site(request, request.scope.get("method", "GET"), set())
        client = request.client.host if request.client else ""
        # A page of a name that was made to point here (DNS rebinding) names itself as the host;
        # a client of HTTP/1.0 that names none is no browser.
        host = request.headers.get("host")
        named = urlsplit("//" + (host or "")).hostname or ""
        if not is_loopback(client) or not (host is None or is_loopback(named)):
            raise NotSignedIn("Without a token file this server is for its own machine only.")
        return Caller(STANDALONE, "")

    async def close(self) -> None:
        """Nothing is open."""


class TokenFileAccess:
    """The tokens of a file: lines of `USER TOKEN`, `#` comments.

    `USER TOKEN admin` is an administrator's, who sees, uses and ends everybody's sessions.
    """

    def __init__(self, file: Path) -> None:
        self._users: list[tuple[bytes, Caller]] = []
        try:
            text = file.read_text()
            open_to_others = file.stat().st_mode & 0o077
        except OSError as error:
            raise SetupError(f"The token file {file} cannot be read: {error.strerror}.") from None
        if open_to_others:
            _log.warning("others can read the token file: chmod 600", file=str(file))
        for number, line in enumerate(text.splitlines(), 1):
            words = line.split("#")[0].split()
            if len(words) not in (0, 2, 3) or words[2:] not in ([], [ADMIN]):
                raise SetupError(
                    f"{file}, line {number}: USER TOKEN or USER TOKEN admin is expected."
                )
            if words:
                caller = Caller(STANDALONE, words[0], manages=words[2:] == [ADMIN])
                self._users.append((_digest(words[1]), caller))

    async def caller(self, request: HTTPConnection, project: str | None) -> Caller:
        """Return who asks (see `Access`)."""
        refuse_cross_site(request, request.scope.get("method", "GET"), set())
        shown = _digest(token_of(request) or "")
        # All are compared, each in the same time, whatever was shown.
        found = [who for digest, who in self._users if hmac.compare_digest(shown, digest)]
        if not found:
            raise NotSignedIn("A token of this server's token file is needed.")
        return found[0]

    async def close(self) -> None:
        """Nothing is open."""


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="replace")).digest()


def is_loopback(host: str) -> bool:
    """Say whether a name or address is this machine for sure."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
