"""Rows on their way from a driver to a client: passed on piece by piece, never written down.

A client's GET asks the driver (`fetch`), the driver answers by a POST of its own, and what that one
brings goes straight into the GET's answer. Whoever is faster waits for the other.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

from hopyard.errors import Conflict, HopyardError, NotFound
from hopyard.livy.records import Line, Session, Statement
from hopyard.protocol.messages import Drop, Fetch

PIECES = 8
"""Pieces (64 KB) that wait for a slow client."""


PATIENCE = 60.0
"""Seconds that a client may take for a piece."""


class BrokenOff(Exception):
    """One of the two sides went away."""


class Transfer:
    """What one GET waits for."""

    def __init__(self, session: Session) -> None:
        self.request = uuid.uuid4().hex
        self.session = session
        self._line: Line | None = session.line
        self._size: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._pieces: asyncio.Queue[bytes | None] = asyncio.Queue(PIECES)
        self._closed = False

    async def size(self, seconds: float) -> int | None:
        """Wait for the first piece; return the bytes of all, or None if it takes longer.

        Raises:
            NotFound: there is no such DataFrame.
            Conflict: it cannot be had now, or ever.
        """
        await asyncio.wait({self._size}, timeout=seconds)
        if self._size.done():
            return self._size.result()
        if self.session.over:
            raise Conflict(f"Session is in state {self.session.state.value}.")
        if self.session.line is None or self.session.line is not self._line:
            raise Conflict("The connection to the driver was cut: ask again.")
        return None

    def refuse(self, error: HopyardError) -> None:
        """Take the driver's word that it cannot send."""
        if not self._size.done():
            self._size.set_exception(error)

    async def bring(self, size: int, pieces: AsyncIterator[bytes]) -> None:
        """Take what the driver sends (`size` bytes).

        Raises:
            BrokenOff: nobody waits for it any more.
        """
        if self._closed or self._size.done():
            raise BrokenOff
        self._size.set_result(size)
        try:
            async for piece in pieces:
                if piece:
                    await asyncio.wait_for(self._pieces.put(piece), PATIENCE)
                if self._closed:
                    raise BrokenOff
                size -= len(piece)
        except TimeoutError:
            self.close()
            raise BrokenOff from None
        finally:
            if not self._closed:
                await self._pieces.put(b"" if size == 0 else None)

    async def pieces(self) -> AsyncIterator[bytes]:
        """Return what the driver sends."""
        while (piece := await self._pieces.get()) != b"":
            if piece is None:
                raise BrokenOff
            yield piece

    def close(self) -> None:
        """Nobody waits any more: the driver's POST ends too."""
        self._closed = True
        while not self._pieces.empty():
            self._pieces.get_nowait()


class Transfers:
    """All transfers of this server."""

    def __init__(self) -> None:
        self._all: dict[str, Transfer] = {}

    def begin(
        self, session: Session, statement: Statement, name: str | None, limit: int | None
    ) -> Transfer:
        """Ask a session's driver for the rows of a DataFrame.

        Raises:
            Conflict: the session is over, or runs something.
        """
        if session.over or session.line is None:
            raise Conflict(f"Session is in state {session.state.value}: its driver is not there.")
        if session.live:
            raise Conflict("The session runs a statement: ask again when it is done.")
        transfer = Transfer(session)
        self._all[transfer.request] = transfer
        session.send(
            Fetch(
                request=transfer.request,
                kind=statement.kind,
                statement=statement.id,
                name=name,
                limit=limit,
            )
        )
        return transfer

    def find(self, session: Session, request: str) -> Transfer | None:
        """Return the transfer that a session's driver answers."""
        found = self._all.get(request)
        return found if found is not None and found.session is session else None

    def refused(self, session: Session, request: str, content: dict[str, Any]) -> None:
        """A driver answered that it cannot send."""
        if transfer := self.find(session, request):
            kind = NotFound if content.get("problem") == "missing" else Conflict
            transfer.refuse(kind(str(content.get("reason"))))

    def end(self, transfer: Transfer, *, done: bool) -> None:
        """Forget a transfer; when it was not done, let the driver stop its work too."""
        transfer.close()
        self._all.pop(transfer.request, None)
        if not done:
            transfer.session.send(Drop(request=transfer.request))
