"""The statements of sessions: taken, shown, stopped.

Those that are not done are in memory; what is done is read from the tables when somebody asks.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial
from operator import itemgetter

from hopyard import log
from hopyard.errors import Conflict, InvalidInput, NotFound, TooMany, Unavailable
from hopyard.livy import outputs, rows
from hopyard.livy.ledger import Ledger, Write
from hopyard.livy.once import check_same
from hopyard.livy.records import Event, Session, Statement
from hopyard.livy.requests import RunStatement
from hopyard.protocol.messages import Cancel, Execute
from hopyard.protocol.states import Kind, SessionState, StatementState


def kind_of(session: Session, asked: Kind | None) -> Kind:
    """Return the kind of some code: its own, else the session's.

    Raises:
        InvalidInput: neither says one.
    """
    kind = asked or session.kind
    if kind is Kind.SHARED:
        raise InvalidInput("Code type should be specified if session kind is shared", "kind")
    return kind


def check_working(session: Session) -> None:
    """See that a session is not over.

    Raises:
        Conflict: it is, with the reason.
    """
    if session.over or session.state is SessionState.SHUTTING_DOWN:
        why = f": {session.reason}" if session.reason else ""
        raise Conflict(f"Session is in state {session.state.value}{why}")


def execute(statement: Statement) -> Execute:
    """Return what tells a driver to run a statement."""
    return Execute(
        statement=statement.id,
        code=statement.code,
        kind=statement.kind,
        request=statement.request,
    )


def break_off(session: Session, statement: Statement) -> Write:
    """End a statement since its session is over."""
    statement.move(StatementState.ERROR)
    statement.output = outputs.broken(statement, "SessionOver", session.reason)
    statement.completed = max(_milliseconds(), statement.started)
    session.finish(statement)
    statement.news.tell()
    return rows.update_statement(statement)


class Statements:
    """The statements of all sessions; whose a session is, was looked at before.

    Args:
        ledger: where they are written down.
        most: how many of a session may wait.
    """

    def __init__(self, ledger: Ledger, most: int) -> None:
        self._ledger = ledger
        self._most = most

    async def submit(
        self, session: Session, request: RunStatement, key: str | None = None
    ) -> Statement:
        """Write a statement down and have the driver run it, after those before it.

        Args:
            session: whose driver.
            request: what to run.
            key: what the client calls this request; one that came before runs nothing again.

        Raises:
            InvalidInput: the statement's kind is not given, or is none of a statement; or another
                request had the key.
            Conflict: the session is over.
            TooMany: as many statements as allowed are waiting already.
        """
        kind = kind_of(session, request.kind)
        found = await session.once.get(
            key,
            partial(self._submit, session, request.code, kind, key),
            partial(self._made, session),
        )
        check_same((found.code, found.kind, found.id >= 0), (request.code, kind, True))
        return found

    async def _submit(self, session: Session, code: str, kind: Kind, key: str | None) -> Statement:
        self._check_room(session)
        number = session.next_statement
        statement = Statement(
            session.id, number, code, kind, request=log.REQUEST.get(), idempotency_key=key
        )
        session.next_statement += 1
        try:
            return await self._accept(session, statement)
        except Unavailable:
            if session.next_statement == number + 1:
                session.next_statement = number  # the number is free again
            raise

    async def submit_job(self, session: Session, code: str, key: str | None = None) -> Statement:
        """Write a client's job down and have the driver run it, after what came before it.

        Args:
            session: whose driver.
            code: what to run.
            key: what the client calls this request; one that came before runs nothing again.

        Raises:
            InvalidInput: another request had the key.
            Conflict: the session is over.
            TooMany: as many statements as allowed are waiting already.
        """
        found = await session.once.get(
            key,
            partial(self._submit_job, session, code, key),
            partial(self._made, session),
        )
        check_same((found.code, found.id >= 0), (code, False))
        return found

    async def _submit_job(self, session: Session, code: str, key: str | None) -> Statement:
        self._check_room(session)
        number = -session.next_job
        session.next_job += 1
        job = Statement(
            session.id,
            number,
            code,
            Kind.PYSPARK,
            request=log.REQUEST.get(),
            idempotency_key=key,
        )
        return await self._accept(session, job)

    async def _accept(self, session: Session, statement: Statement) -> Statement:
        await self._ledger.write(rows.insert_statement(statement))
        session.used = time.monotonic()
        if session.over:
            # It is accepted all the same: a client that hears of a fault sends it once more.
            with suppress(Unavailable):
                await self._ledger.write(break_off(session, statement))
        else:
            session.live[statement.id] = statement
            session.settle()
            session.send(execute(statement))
        return statement

    async def get(self, session: Session, key: int) -> Statement:
        """Return one statement.

        Raises:
            NotFound: there is none with this id.
        """
        found = await self._find(session, key) if 0 <= key < session.next_statement else None
        if found is None:
            raise NotFound("Statement not found")
        return found

    async def job(self, session: Session, key: int) -> Statement:
        """Return one job of a client.

        Raises:
            NotFound: there is none with this id.
        """
        found = await self._find(session, -key) if 0 < key < session.next_job else None
        if found is None:
            raise NotFound(f"Job '{key}' not found.")
        return found

    async def _made(self, session: Session, key: int) -> Statement:
        found = await self._find(session, key)
        if found is None:
            raise NotFound("Statement not found")
        return found

    async def _find(self, session: Session, key: int) -> Statement | None:
        found = session.live.get(key) or session.recent.get(key) or session.looked_up.get(key)
        if found is not None:
            return found
        read = await rows.read_statements(self._ledger, session.id, first=key, last=key)
        if not read:
            return None
        session.remember(read[0])
        return read[0]

    async def page(
        self, session: Session, start: int, size: int | None, *, descending: bool
    ) -> AsyncIterator[list[Statement]]:
        """Give a page of the statements, piece by piece; they are numbered without gaps from 0.

        Raises:
            Unavailable: the database does not answer.
        """
        total = session.next_statement
        size = total if size is None else size
        if size <= 0 or start >= total:
            return
        first, last = start, min(start + size, total) - 1
        if descending:
            first, last = max(total - start - size, 0), total - start - 1
        pieces = rows.read_in_pieces(
            self._ledger, session.id, first=first, last=last, descending=descending
        )
        async for read in pieces:
            yield [session.live.get(one.id) or session.recent.get(one.id) or one for one in read]

    async def cancel(self, session: Session, key: int) -> None:
        """Stop a statement, or take it out of the queue; one that is done is left as it is."""
        await self.stop(session, await self.get(session, key))

    async def stop(self, session: Session, statement: Statement) -> None:
        """Stop a statement or a job that was looked up before."""
        if statement.state.over or statement.id not in session.live:
            return
        # A driver that cannot be told may run it meanwhile: what it says when it is back is true.
        unknown = session.line is None and session.app_id is not None
        if statement.state is StatementState.WAITING and not unknown:
            statement.move(StatementState.CANCELLED)
            statement.completed = max(_milliseconds(), statement.started)
            session.finish(statement)
        else:
            statement.move(StatementState.CANCELLING)
        session.send(Cancel(statement=statement.id))
        statement.news.tell()
        await self._ledger.write(rows.update_statement(statement))

    async def events(self, session: Session, statement: Statement, after: int) -> list[Event]:
        """Return what happened in a statement after an event's number."""
        # Of a statement that is not over all are in memory.
        if statement.events or not statement.state.over:
            first = bisect_right(statement.events, after, key=itemgetter(0))
            return statement.events[first:]
        return await rows.read_events(self._ledger, session.id, statement.id, after)

    async def interrupt(self, session: Session) -> None:
        """Stop what runs and what waits."""
        for statement in reversed(list(session.live.values())):
            await self.stop(session, statement)

    def _check_room(self, session: Session) -> None:
        check_working(session)
        if len(session.live) >= self._most:
            raise TooMany(f"Rejected, Reason: {len(session.live)} statements are waiting.", 2)


def _milliseconds() -> int:
    return int(time.time() * 1000)
