"""The outermost layer: each request gets a number that follows it, is counted and logged.

The number is the client's own `X-Request-ID` (or its proxy's) where it is well-formed. It is in the
answer, in every line that this process logs about the request, and with a statement in the driver's
log: one word to search for, from the click to the Spark job.
"""

from __future__ import annotations

import functools
import logging
import re
import secrets
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hopyard import log
from hopyard.livy import metrics

HEADER = b"x-request-id"
WELL_FORMED = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
QUIET = frozenset({"GET", "HEAD"})
"""Methods whose answers are logged at `debug` only: clients poll."""

SECURITY = {
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}
"""What browsers are told with each answer; a route that shows a page says its own policy."""
_SECURITY = [(name.lower().encode(), value.encode()) for name, value in SECURITY.items()]

_log = log.get(__name__)
_plain_log = logging.getLogger(__name__)
"""Knows without making an event of it whether somebody reads it."""


class Edge:
    """Wraps the application.

    Args:
        app: everything else.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        number = _number(scope)
        scope["request_id"] = number
        token = log.REQUEST.set(number)
        begun = time.monotonic()
        status = 500

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                said = message.get("headers", ())
                names = {name for name, _ in said}
                ours = [one for one in _SECURITY if one[0] not in names]
                message["headers"] = [*said, *ours, (HEADER, number.encode())]
            await send(message)

        try:
            await self._app(scope, receive, answer)
        finally:
            _count(scope, status, time.monotonic() - begun)
            log.REQUEST.reset(token)


def _number(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == HEADER and WELL_FORMED.fullmatch(value):
            return str(value, "ascii")
    return secrets.token_hex(8)


def _count(scope: Scope, status: int, seconds: float) -> None:
    """Count by the route's pattern, never by the path: a figure has few names."""
    route, method = getattr(scope.get("route"), "path", "other"), scope["method"]
    if method not in _METHODS:
        method = "other"
    _counter(route, method, status).inc()
    quiet = method in QUIET and status < 500
    if quiet and not _plain_log.isEnabledFor(logging.DEBUG):
        return
    tell = _log.debug if quiet else _log.info
    tell("answered", method=method, path=scope["path"], status=status, seconds=round(seconds, 4))


# Found once: prometheus_client makes texts of all three each time. Methods and routes are few.
_counter = functools.cache(metrics.REQUESTS.labels)
_METHODS = QUIET | {"POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
