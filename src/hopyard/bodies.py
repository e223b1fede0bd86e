"""Bodies of bounded size, for servers that read one before they know who asks."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

DIGITS = 15
"""Of a length that is still read as a number."""


class BoundedBodies:
    """Refuses a request whose body is too large, by what its head says or while it comes.

    Args:
        app: everything else.
        limit: bytes that a body may have.
        key: under which the answer has its sentence.
    """

    def __init__(self, app: ASGIApp, limit: int, key: str) -> None:
        self._app = app
        self._limit = limit
        self._key = key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        words = f"The body of a request may have {self._limit} bytes."
        for name, value in scope["headers"]:
            if name == b"content-length" and self._is_over(value):
                # Closed afterwards, so that the rest is not read.
                answer = JSONResponse({self._key: words}, 413, {"Connection": "close"})
                await answer(scope, receive, send)
                return
        size = 0

        async def counted() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > self._limit:
                raise HTTPException(413, words, {"Connection": "close"})
            return message

        await self._app(scope, counted, send)

    def _is_over(self, length: bytes) -> bool:
        return len(length) > DIGITS or (length.isdigit() and int(length) > self._limit)
