"""What clients ask all day, past the framework's machinery: GETs that they poll, new statements.

Five times as many GETs a second, and half a millisecond less for each statement.

The routes' own functions answer, with the same access and the same sessions; only what finds out
their arguments is written anew here. Whatever is out of the ordinary (a query but `wait`, an error)
is left to the routes, which OpenAPI shows.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from hopyard.errors import HopyardError
from hopyard.livy import errors
from hopyard.livy.deps import KEY, Services, caller_of, key_of, wait_of
from hopyard.livy.routes import sessions, statements

_STATEMENTS = r"/sessions/(?P<session>[^/]+)/statements"
_PLACE = r"/sessions/(?P<session>[^/]+)(/(?P<state>state)|/statements/(?P<statement>[0-9]{1,9}))?"
_PROJECT = r"/livy/projects/(?P<project>[^/]+)"
_WELL_FORMED = re.compile(KEY)
_WAIT = re.compile(rb"wait=([0-9]{1,2}(?:\.[0-9]{1,6})?)")
_WAIT_MOST = 60.0


def _route(router: APIRouter, endpoint: Callable[..., Any]) -> BaseRoute:
    return next(one for one in router.routes if getattr(one, "endpoint", None) is endpoint)


_ROUTES = {
    (None, False): _route(sessions.router, sessions.show),
    ("state", False): _route(sessions.router, sessions.show_state),
    (None, True): _route(statements.router, statements.show),
}
_RUN = _route(statements.router, statements.run)
"""By what is in the address: what an answer is counted as (`Edge`)."""


class HotPaths:
    """Answers GETs of a session, its state and its statements, and takes statements.

    Args:
        app: answers everything else.
        services: what the routes use.
        in_project: whether addresses have a project in them.
    """

    def __init__(self, app: ASGIApp, services: Services, *, in_project: bool) -> None:
        self._app = app
        self._services = services
        before = _PROJECT if in_project else ""
        self._shown, self._run = re.compile(before + _PLACE), re.compile(before + _STATEMENTS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        response = None
        if scope["type"] == "http" and scope["method"] == "GET":
            if found := self._shown.fullmatch(scope["path"]):
                response = await self._answer(scope, found.groupdict())
        elif (
            scope["type"] == "http"
            and scope["method"] == "POST"
            and not scope["query_string"]
            and (found := self._run.fullmatch(scope["path"]))
        ):
            response = await self._taken(Request(scope, receive), found.groupdict())
        await (response or self._app)(scope, receive, send)

    async def _taken(self, request: Request, place: dict[str, str | None]) -> Response | None:
        known = self._services
        key = request.headers.get("idempotency-key")
        if key is not None and not _WELL_FORMED.fullmatch(key):
            return None
        try:
            caller = await caller_of(request, known, place.get("project"))
            session = known.sessions.get(caller, place["session"] or "")
        except (HopyardError, HTTPException):
            return None
        request.scope["route"] = _RUN
        try:
            return await statements.run(request, session, known, key and key_of(key))
        except (HopyardError, HTTPException) as error:  # the body is read: nobody else can answer
            return await errors.answer(request, error)

    async def _answer(self, scope: Scope, place: dict[str, str | None]) -> Response | None:
        query = scope["query_string"]
        asked = _WAIT.fullmatch(query) if query else None
        seconds = float(asked[1]) if asked else None
        if (query and not asked) or (seconds or 0) > _WAIT_MOST:
            return None
        known = self._services
        wait = wait_of(known, seconds)
        try:
            caller = await caller_of(Request(scope), known, place.get("project"))
            session = known.sessions.get(caller, place["session"] or "")
            scope["route"] = _ROUTES[place["state"], bool(place["statement"])]
            if statement := place["statement"]:
                return await statements.show(statement, session, known, wait)
            if place["state"]:
                return JSONResponse(await sessions.show_state(session, wait))
            return await sessions.show(session, known, wait)
        except (HopyardError, HTTPException):
            return None
