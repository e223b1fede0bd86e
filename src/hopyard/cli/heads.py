"""HTTP with heads of bounded size and bodies that keep coming.

uvicorn's fast parser keeps a head until it is whole, and waits for a body for ever.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_LIMIT = 64 * 1024
"""Bytes of a request's first line and headers; one read of the socket may go beyond."""

HEAD_SECONDS = 20.0
"""From the connection, or the head's first byte, to the head's end."""

BODY_SECONDS = 20.0
"""How often is looked whether a body keeps coming."""
BODY_PACE = 1000
"""Bytes a second that have to come meanwhile, unless it is us who do not read."""


class BoundedHeads(HttpToolsProtocol):
    """Refuses a request whose head does not come to an end, or not in time; or its body.

    A connection that says nothing is closed as well; between two requests the keep-alive counts.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._size = 0
        self._in_head = False
        self._limit: asyncio.TimerHandle | None = None
        self._pace: asyncio.TimerHandle | None = None
        self._came = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody connected."""
        super().connection_made(transport)
        self._begin()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._end()
        self._end_body()
        super().connection_lost(exc)

    def _begin(self) -> None:
        if self._limit is None:
            self._limit = self.loop.call_later(HEAD_SECONDS, self._too_slow)

    def _end(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None

    def _answers(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _too_slow(self) -> None:
        if self._answers():
            self.transport.close()
        elif not self.transport.is_closing():
            self.send_400_response(f"The head of a request has to come within {HEAD_SECONDS:g} s.")

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._in_head, self._size = True, 0
        self._begin()

    def on_headers_complete(self) -> None:
        """A head is whole."""
        self._in_head = False
        self._end()
        super().on_headers_complete()
        if not self.parser.should_upgrade():
            self._watch_body()

    def on_body(self, body: bytes) -> None:
        """A piece of a body."""
        self._came += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """A body is whole."""
        self._end_body()
        super().on_message_complete()

    def _watch_body(self) -> None:
        self._came = 0
        self._pace = self.loop.call_later(BODY_SECONDS, self._look_at_body)

    def _end_body(self) -> None:
        if self._pace is not None:
            self._pace.cancel()
            self._pace = None

    def _look_at_body(self) -> None:
        if self.flow.read_paused or self._came >= BODY_PACE * BODY_SECONDS:
            self._watch_body()
        elif self.cycle is not None and self.cycle.response_started:
            self.transport.close()
        elif not self.transport.is_closing():
            self.send_400_response(f"A body has to come at {BODY_PACE} bytes a second.")

    def data_received(self, data: bytes) -> None:
        """Take what came in."""
        super().data_received(data)
        mine = self.transport.get_protocol() is self  # not a WebSocket's by now
        if mine and not self._in_head and not self._answers():
            self._begin()  # an empty line between two requests
        if self._in_head:
            self._size += len(data)
            if self._size > HEAD_LIMIT:
                self._in_head = False
                self.send_400_response(f"The head of a request may have {HEAD_LIMIT} bytes.")
