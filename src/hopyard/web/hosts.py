"""What is served under which host name.

Where members' Jupyter servers have host names of their own, the proxy leads to web whatever no
Jupyter server is for: pages at 127.0.0.1, those of Jupyter servers that do not run, and Spark UIs.
None of our pages is served under another name than the platform's: browsers are sent there.

A Spark UI is what the code in a driver makes of it, so each has a host of its own. Whoever is
signed in comes over from the platform's host with a ticket, which is good for a minute and for
that UI only, and gets a cookie that opens nothing else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from hopyard.hosts import host_of
from hopyard.settings import Platform
from hopyard.web.seal import SESSION_LIFE, CookieSession, Seal

UI_COOKIE = "hopyard-spark-ui"
TICKET = "hopyard-ticket"
NOT_RUNNING = "This Jupyter server does not run."
OTHERS = ("/hub/", "/livy/")
"""What the proxy leads elsewhere, once the Hub has told it where."""
NOT_YET = "The platform's proxy was started just now: try again in a second."
ELSEWHERE = "The platform is at another address: {url}."
_UI = re.compile(r"(/projects/([a-z0-9-]+)/(application|batche)s/([0-9]{1,18})/ui)(?:/|$)")


@dataclass(frozen=True)
class UiPlace:
    """Where a Spark UI is served.

    Attributes:
        path: below it are the UI's pages, whatever the host.
        host: its host name.
    """

    path: str
    host: str


def ui_place(platform: Platform, path: str) -> UiPlace | None:
    """Return where the Spark UI of a path is served; None: the path is of none, or of no host."""
    found = _UI.match(path) if platform.hosts else None
    if found is None:
        return None
    name = f"{found[2]}-{found[3][0]}{found[4]}"
    return UiPlace(found[1], platform.hosts.of_application(name))


def is_here(connection: HTTPConnection, platform: Platform) -> bool:
    """Say whether a request came to the platform's own host (where others have theirs)."""
    return not platform.hosts or host_named(connection.headers) == host_of(platform.public_url)


def host_named(headers: Headers) -> str:
    """Return the host that a request names, without its port."""
    return host_of(f"//{headers.get('host', '')}")


def go_over(request: Request, platform: Platform, seal: Seal, session: CookieSession) -> Response:
    """Send who is signed in to the host of a Spark UI.

    Args:
        request: for a page of the UI, at the platform's host.
        platform: the hosts.
        seal: makes the ticket.
        session: of who asks.
    """
    place = ui_place(platform, request.url.path)
    if place is None or request.method not in ("GET", "HEAD"):
        return JSONResponse({"error": "A Spark UI has a host of its own."}, 421)
    own = urlsplit(platform.public_url)
    netloc = f"{place.host}:{own.port}" if own.port else place.host
    ticket = urlencode({TICKET: seal.ticket(session, place.path)})
    query = "&".join(filter(None, [request.url.query, ticket]))
    return RedirectResponse(f"{own.scheme}://{netloc}{_path(request)}?{query}", 303)


def _path(request: Request) -> str:
    """Return the path as it was sent: what is escaped in it stays so."""
    return str(request.scope["raw_path"].decode("latin-1").partition("?")[0])


def _not_yet() -> Response:
    """Answer in the place of the Hub or of livy: 404 would say that something is gone."""
    return JSONResponse({"message": NOT_YET, "msg": NOT_YET}, 503, {"Retry-After": "1"})


class OneHost:
    """ASGI middleware.

    Args:
        app: the application.
        platform: its address; whose host is the only one.
        seal: opens tickets.
    """

    def __init__(self, app: ASGIApp, platform: Platform, seal: Seal) -> None:
        self._app = app
        self._platform = platform
        self._seal = seal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; the API takes tokens only and asks for no host."""
        if scope["type"] not in ("http", "websocket") or scope["path"].startswith("/api/"):
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        if is_here(connection, self._platform):
            unrouted = scope["type"] == "http" and scope["path"].startswith(OTHERS)
            await (_not_yet() if unrouted else self._app)(scope, receive, send)
            return
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 4404})
            return
        request = Request(scope)
        place = ui_place(self._platform, scope["path"])
        if place is None or place.host != host_named(request.headers):
            await self._elsewhere(request)(scope, receive, send)
        elif TICKET in request.query_params:
            await self._come_over(request, place)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _come_over(self, request: Request, place: UiPlace) -> Response:
        session = self._seal.open_ticket(request.query_params[TICKET], place.path)
        left = request.url.remove_query_params(TICKET)
        query = f"?{left.query}" if left.query else ""
        answer = RedirectResponse(_path(request) + query, 303)
        if session is not None:  # else the sign-in begins anew
            answer.set_cookie(
                UI_COOKIE,
                self._seal.ui_session(session, place.path),
                max_age=SESSION_LIFE,
                path=place.path,
                httponly=True,
                samesite="lax",
                secure=self._platform.public_url.startswith("https:"),
            )
        return answer

    def _elsewhere(self, request: Request) -> Response:
        url = self._platform.public_url
        opened = request.headers.get("sec-fetch-mode", "navigate") == "navigate"
        if opened and request.method in ("GET", "HEAD"):
            query = f"?{request.url.query}" if request.url.query else ""
            return RedirectResponse(url + _path(request).lstrip("/") + query, 307)
        if request.scope["path"].startswith("/user/"):
            return JSONResponse({"message": NOT_RUNNING}, 424)
        return JSONResponse({"message": ELSEWHERE.format(url=url)}, 421)
