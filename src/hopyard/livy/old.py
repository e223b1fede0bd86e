"""What old but legal clients send, and the layers below do not know: HEAD, and HTTP/1.0.

HEAD is answered as GET is, without the body. A client of HTTP/1.0 (ab, some proxies) cannot read
an answer in chunks, so what has no length is gathered and sent whole.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

EVENTS = b"text/event-stream"


class _Enough(Exception):
    """The head of a stream without end was sent: nobody waits for more."""


class OldHttp:
    """Wraps the application.

    Args:
        app: everything else.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or connection."""
        if scope["type"] == "http" and scope["method"] == "HEAD":
            await self._head(scope, receive, send)
        elif scope["type"] == "http" and scope["http_version"] == "1.0":
            await self._whole(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _head(self, scope: Scope, receive: Receive, send: Send) -> None:
        inner = {**scope, "method": "GET"}

        async def answer(message: Message) -> None:
            if message["type"] != "http.response.start":
                return
            await send(message)
            await send({"type": "http.response.body", "body": b""})
            if any(value.startswith(EVENTS) for _, value in message["headers"]):
                raise _Enough

        try:
            await self._app(inner, receive, answer)
        except _Enough:
            pass
        finally:
            scope["route"] = inner.get("route")

    async def _whole(self, scope: Scope, receive: Receive, send: Send) -> None:
        start: Message | None = None
        pieces: list[bytes] = []

        async def answer(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
                return
            pieces.append(message.get("body", b""))
            if start is None or message.get("more_body"):
                return
            body = b"".join(pieces)
            known = any(name == b"content-length" for name, _ in start["headers"])
            length = [] if known else [(b"content-length", str(len(body)).encode())]
            await send({**start, "headers": [*start["headers"], *length]})
            await send({"type": "http.response.body", "body": body})

        await self._app(scope, receive, answer)
