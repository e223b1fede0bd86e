"""Server extension: a large body is taken only from those who may use this server.

Tornado reads a request's whole body, up to half a gigabyte, before any handler asks who sends it.
So the question is put as soon as the head is there, where a body is larger than a stranger needs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from tornado.httputil import HTTPHeaders, HTTPMessageDelegate, HTTPServerRequest
from tornado.web import HTTPError, RequestHandler

LIMIT = 1_000_000
"""Bytes of a stranger's body."""
SECONDS = 60.0
"""In which a stranger's body has to be here."""

Knows = Callable[[Any], Awaitable[bool]]
"""Says whether the one who sends a request may use the server."""


class _Judged(HTTPMessageDelegate):  # type: ignore[misc]
    """Takes a request's parts, and decides by the head how much the rest may be."""

    def __init__(
        self,
        inner: Any,
        connection: Any,
        application: Any,
        limit: int,
        knows: Knows,
    ) -> None:
        self._inner = inner
        self._connection = connection
        self._application = application
        self._limit = limit
        self._knows = knows

    async def headers_received(self, start_line: Any, headers: HTTPHeaders) -> None:
        size = headers.get("Content-Length", "")
        large = "Transfer-Encoding" in headers or (size.isdigit() and int(size[:18]) > LIMIT)
        if large and await self._is_known(start_line, headers):
            self._connection.set_max_body_size(self._limit)
            self._connection.set_body_timeout(None)
        if going := self._inner.headers_received(start_line, headers):
            await going

    async def _is_known(self, start_line: Any, headers: HTTPHeaders) -> bool:
        request = HTTPServerRequest(
            connection=self._connection, headers=headers, start_line=start_line
        )
        try:
            return await self._knows(RequestHandler(self._application, request))
        except HTTPError:  # the Hub does not answer
            return False

    def data_received(self, chunk: bytes) -> Any:
        return self._inner.data_received(chunk)

    def finish(self) -> None:
        self._inner.finish()

    def on_connection_close(self) -> None:
        self._inner.on_connection_close()


def bound(application: Any, limit: int, knows: Knows) -> None:
    """Have an application take bodies of `limit` bytes from those who are known alone."""
    start = application.start_request

    def start_request(server: object, connection: Any) -> _Judged:
        connection.set_max_body_size(LIMIT)
        connection.set_body_timeout(SECONDS)
        return _Judged(start(server, connection), connection, application, limit, knows)

    application.start_request = start_request


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "hopyard.notebook.bodies"}]


def _load_jupyter_server_extension(serverapp: Any) -> None:
    """Bound the bodies of strangers."""
    auth = getattr(serverapp.identity_provider, "hub_auth", None)
    if auth is None:
        serverapp.log.warning("Bodies are not bounded: this server was not started by a Hub")
        return

    async def knows(handler: Any) -> bool:
        user = await auth.get_user(handler, sync=False)
        return bool(user and auth.check_scopes(auth.access_scopes, user))

    bound(serverapp.web_app, serverapp.max_body_size, knows)
