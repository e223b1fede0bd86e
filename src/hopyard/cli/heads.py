"""HTTP with heads of bounded size: uvicorn's fast parser keeps a head until it is whole."""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_LIMIT = 64 * 1024
"""Bytes of a request's first line and headers; one read of the socket may go beyond."""


class BoundedHeads(HttpToolsProtocol):
    """Refuses a request whose head does not come to an end."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._size = 0
        self._in_head = False

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._in_head, self._size = True, 0

    def on_headers_complete(self) -> None:
        """A head is whole."""
        self._in_head = False
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """Take what came in."""
        super().data_received(data)
        if self._in_head:
            self._size += len(data)
            if self._size > HEAD_LIMIT:
                self._in_head = False
                self.send_400_response(f"The head of a request may have {HEAD_LIMIT} bytes.")
