"""The server's end of a driver's WebSocket: write down, then acknowledge.

Reading, writing down and sending are three tasks, so that a slow disk never keeps `execute` from a
driver and a burst of output is written in few transactions. When much is unwritten, reading waits,
and the driver's own outbox takes the load.
"""

from __future__ import annotations

import asyncio
import hmac
import time
from contextlib import suppress

from pydantic import ValidationError
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from hopyard import log
from hopyard.errors import Unavailable
from hopyard.livy import metrics, rows, unread
from hopyard.livy.inbox import Batch
from hopyard.livy.ledger import Unwritable, Write
from hopyard.livy.records import Session
from hopyard.livy.sessions import Sessions
from hopyard.livy.sharing import hash_of
from hopyard.livy.talk import Talk
from hopyard.livy.unread import Unread
from hopyard.protocol.messages import (
    GONE,
    REFUSED,
    REPLACED,
    SERVER,
    UNAUTHORISED,
    UP,
    Ack,
    Answer,
    Clear,
    Display,
    DownMessage,
    Hello,
    InputRequest,
    Stream,
    UpMessage,
    Welcome,
)

HELLO_SECONDS = 20.0
GATHER = 0.01
"""Seconds that messages wait for more of them: all of a short statement is one transaction. Clients
see what they change at once; only the driver's acknowledgement waits."""
UNWRITTEN = 2000
"""Messages; with more than these reading waits."""
RETRY_SECONDS = 1.0

_log = log.get(__name__)


class Channel:
    """One connection of one driver.

    Args:
        socket: accepted already.
        session: whose driver it is; the secret was right.
        sessions: told when the driver is there and when it is over.
        talk: told what it answers and asks.
    """

    def __init__(
        self,
        socket: WebSocket,
        session: Session,
        sessions: Sessions,
        talk: Talk,
    ) -> None:
        self._socket = socket
        self._session = session
        self._sessions = sessions
        self._talk = talk
        self._ledger = sessions.ledger
        self._limit = sessions.output_limit
        self._down: asyncio.Queue[DownMessage | int] = asyncio.Queue()
        self._batch = Batch(session, sessions.output_limit)
        self._unwritten = 0
        self._last = session.applied
        self._ending: str | None = None
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._hung_up = False
        self._over = asyncio.Event()

    def send(self, message: DownMessage) -> None:
        """Send a message, after those before it."""
        self._down.put_nowait(message)

    def close(self, code: int) -> None:
        """Close the connection, after what was sent before."""
        self._down.put_nowait(code)

    async def closed(self) -> None:
        """Wait until it is closed and all that came in is written down."""
        await self._over.wait()

    async def drop(self) -> None:
        """Stop listening; return when all that came in is written down.

        For a connection that may be dead: it is not waited for, and what it still had under way
        comes again by the new one.
        """
        for task in self._tasks[:2]:
            task.cancel()
        await self._over.wait()

    async def run(self, hello: Hello) -> None:
        """Speak with the driver until the connection ends."""
        session = self._session
        if session.agent is not None or session.app_id is not None:
            metrics.RECONNECTS.inc()
        session.line, session.agent = self, hello.pid
        self._tasks = tasks = [
            asyncio.create_task(work(), name=f"driver-{session.id}-{work.__name__}")
            for work in (self._send_all, self._read_all, self._write_all)
        ]
        self.send(Welcome(acked=session.written))
        self._sessions.hide(session, *hello.secrets)
        self._sessions.dialled(session, hello.unfinished)
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                error = None if task.cancelled() else task.exception()
                if error is not None and not isinstance(error, WebSocketDisconnect | RuntimeError):
                    raise error
        finally:
            for task in tasks[:2]:
                task.cancel()
            # What came in is written to the end: nobody would send it again.
            self._hung_up = True
            self._news.set()
            await asyncio.gather(*tasks, return_exceptions=True)
            if session.line is self:
                session.line = None
                self._sessions.hung_up(session)
            self._over.set()

    async def _send_all(self) -> None:
        while True:
            message = await self._down.get()
            if isinstance(message, int):
                await self._socket.close(message)
                return
            await self._socket.send_text(message.model_dump_json())

    async def _read_all(self) -> None:
        session = self._session
        while True:
            text = await self._socket.receive_text()
            message: UpMessage | Unread
            try:
                message = UP.validate_json(text)
            except ValidationError as error:
                message = unread.of_text(text, error, session.applied + 1)
            if isinstance(message, Hello):
                continue
            if message.seq <= session.applied:
                # Already taken: only say so (a replay after the connection was cut).
                self._news.set()
                continue
            if isinstance(message, Stream | Display | Clear):
                await self._recall(message.statement)
            self._take(message)
            session.applied = self._last = message.seq
            self._unwritten += 1
            self._news.set()
            while self._unwritten > UNWRITTEN:
                self._room.clear()
                await self._room.wait()

    async def _recall(self, statement: int) -> None:
        """Look a statement up that was over before this server ran, and shows something now."""
        session = self._session
        while statement not in session.live and not session.late.knows(statement):
            try:
                last = await rows.read_last_event(self._ledger, session.id, statement)
                session.late.ended(statement, last)
            except Unavailable:
                if self._sessions.is_gone(session):
                    return
                await asyncio.sleep(RETRY_SECONDS)

    def _take(self, message: UpMessage | Unread) -> None:
        """Let a message take effect; one that cannot counts as taken, and ends what it is of."""
        if isinstance(message, Unread):
            _log.warning("message not understood", session=self._session.id, message=message)
            self._give_up(message)
            return
        try:
            self._apply(message)
        except Exception as error:  # of any kind: it would come again, and fail again
            _log.exception("message not applied", session=self._session.id, type=message.type)
            self._give_up(unread.of_message(message, error))

    def _apply(self, message: UpMessage) -> None:
        session = self._session
        if isinstance(message, Answer):
            self._talk.answered(session, message)
        else:
            self._ending = self._batch.apply(message) or self._ending
        if isinstance(message, InputRequest) and message.statement in session.live:
            self._talk.asked_for_input(session, session.live[message.statement])

    def _give_up(self, message: Unread) -> None:
        """End what waits for a message that cannot be taken."""
        if message.is_vital:
            self._ending = f"The driver said something that cannot be taken: {message.reason}"
            return
        live = self._session.live
        number = message.statement if message.kind else next(iter(live), None)
        statement = None if number is None else live.get(number)
        if statement is not None:
            result = message.result(statement.id, int(time.time() * 1000))
            self._batch.give_up(statement, message.reason, result)

    async def _write_all(self) -> None:
        while self._unwritten or not self._hung_up:
            await self._news.wait()
            self._news.clear()
            if not self._hung_up:
                await asyncio.sleep(GATHER)
            await self._flush()

    async def _flush(self) -> None:
        """Write down what is unwritten, then acknowledge; until it is written, however long."""
        session = self._session
        while self._unwritten:
            batch, seq, count = self._batch, self._last, self._unwritten
            over = list(session.recent)
            self._batch, self._unwritten = Batch(session, self._limit), 0
            try:
                written = await self._write(*batch.writes(seq))
            except Unwritable:
                written = await self._write_what_can_be(batch, seq)
            if not written:
                return
            _log.debug("written", session=session.id, messages=count, seq=seq)
            session.written = max(session.written, seq)
            session.trim(over)
            self._room.set()
        self.send(Ack(seq=session.written))
        if self._ending is not None:
            reason, self._ending = self._ending, None
            self._sessions.driver_said_end(session, reason)

    async def _write(self, *writes: Write) -> bool:
        """Write down, however long it takes; return False when the session is gone meanwhile.

        Raises:
            Unwritable: it would take for ever.
        """
        while True:
            try:
                await self._ledger.write(*writes)
                return True
            except Unwritable:
                raise
            except Unavailable:
                if self._sessions.is_gone(self._session):
                    return False
                await asyncio.sleep(RETRY_SECONDS)

    async def _write_what_can_be(self, batch: Batch, seq: int) -> bool:
        """Write piece by piece, and leave out what the database cannot have."""
        for write, instead in batch.pieces(seq):
            written = True
            try:
                written = await self._write(write)
            except Unwritable:
                with suppress(Unwritable):
                    written = instead is None or await self._write(instead())
            if not written:
                return False
        return True


def is_driver(session: Session, request: HTTPConnection) -> bool:
    """Say whether a request shows the secret of a session's driver."""
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    shown = hash_of(secret.strip())
    return scheme.lower() == "bearer" and hmac.compare_digest(shown, session.secret_hash)


async def _refuse(socket: WebSocket, status: int, code: int | None = None) -> None:
    """Do not take a call: of a WebSocket that was taken, frames would be read until its end."""
    headers = {REFUSED: str(code)} if code else {}
    await socket.send_denial_response(Response(status_code=status, headers=headers))


async def serve_driver(socket: WebSocket, key: int, sessions: Sessions, talk: Talk) -> None:
    """Take the call of a driver: check its secret, then speak with it."""
    if socket.headers.get(SERVER, sessions.server) != sessions.server:
        await _refuse(socket, 421)
        return
    session = sessions.of_driver(key)
    if session is None:
        await _refuse(socket, 404, GONE)
        return
    if not is_driver(session, socket):
        _log.warning("driver with a wrong secret", session=key)
        await _refuse(socket, 403, UNAUTHORISED)
        return
    await socket.accept()
    try:
        text = await asyncio.wait_for(socket.receive_text(), HELLO_SECONDS)
        hello = Hello.model_validate_json(text)
    except (TimeoutError, ValidationError):
        await socket.close(UNAUTHORISED)
        return
    except WebSocketDisconnect:
        return
    if session.line is not None:
        if session.agent != hello.pid:
            await socket.close(REPLACED)
            return
        # The same agent dialled again before its old connection was seen to be dead.
        await session.line.drop()
    channel = Channel(socket, session, sessions, talk)
    await channel.run(hello)
    if socket.client_state is WebSocketState.CONNECTED and sessions.is_gone(session):
        await socket.close(GONE)
