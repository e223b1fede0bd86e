"""HTTP with heads of bounded size: uvicorn's fast parser keeps a head until it is whole."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_LIMIT = 64 * 1024
"""Bytes of a request's first line and headers; one read of the socket may go beyond."""

HEAD_SECONDS = 20.0
"""From the connection, or the head's first byte, to the head's end."""


class BoundedHeads(HttpToolsProtocol):
    """Refuses a request whose head does not come to an end, or not in time.

    A connection that says nothing is closed as well; between two requests the keep-alive counts.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._size = 0
        self._in_head = False
        self._limit: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody connected."""
        super().connection_made(transport)
        self._begin()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._end()
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
