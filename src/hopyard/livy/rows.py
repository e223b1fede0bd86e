"""Between the rows of the tables and the records in memory; each query is written here once."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Text, bindparam, cast, delete, func, insert, select, update

from hopyard.livy.ledger import Ledger, Write
from hopyard.livy.models import EventRow, SessionRow, StatementRow
from hopyard.livy.records import CLEAR, SHOWN, Event, Session, Statement
from hopyard.livy.requests import CreateSession
from hopyard.protocol.states import Kind, SessionState, StatementState
from hopyard.store.types import now

LOOK_AHEAD = 500
"""Statements whose sizes are asked for in one go."""
PIECE = 1_000_000
"""Characters of statements that are read in one go; one alone may have more."""

_SESSION = SessionRow.__table__
_STATEMENT = StatementRow.__table__
_EVENT = EventRow.__table__
_INSERT_SESSION = insert(SessionRow)
_INSERT_STATEMENT = insert(StatementRow)
_INSERT_EVENT = insert(EventRow)
# Made once: making one costs more than running it.
_ACKED = update(SessionRow).where(_SESSION.c.id == bindparam("of_session"))
_UPDATE_STATEMENT = update(StatementRow).where(
    _STATEMENT.c.session == bindparam("of_session"), _STATEMENT.c.id == bindparam("of_statement")
)

_DELETE_SHOWN = delete(EventRow).where(
    _EVENT.c.session == bindparam("of_session"),
    _EVENT.c.statement == bindparam("of_statement"),
    _EVENT.c.seq < bindparam("before"),
    _EVENT.c.kind.in_(SHOWN),
)


def insert_session(session: Session) -> Write:
    """Write a new session down; the database gives its id."""
    values = {
        "project": session.project,
        "owner": session.owner,
        "name": session.request.name,
        "kind": session.kind.value,
        "state": session.state.value,
        "reason": session.reason,
        "request": session.request.model_dump(mode="json", exclude_none=True),
        "secret_hash": session.secret_hash,
        "idempotency_key": session.idempotency_key,
        "acked": 0,
        "server": session.server,
        "leader": session.leader,
        "deleted": False,
        "created": session.created,
    }
    return _INSERT_SESSION.values(**values), None


def update_session(session: Session, *fields: str) -> Write:
    """Write some of a session's fields down."""
    values = {name: getattr(session, name) for name in fields}
    if "state" in values:
        # Busy or idle is seen from the statements.
        busy = session.state is SessionState.BUSY
        values["state"] = SessionState.IDLE.value if busy else session.state.value
    return update(SessionRow).where(SessionRow.id == session.id).values(**values), None


def update_request(session: Session) -> Write:
    """Write down that a session is somebody else's request now."""
    request = session.request
    values = {
        "name": request.name,
        "kind": request.kind.value,
        "request": request.model_dump(mode="json", exclude_none=True),
        "server": session.server,
        "server_started": session.server_started,
        "idempotency_key": session.idempotency_key,
        "created": session.created,
    }
    return update(SessionRow).where(SessionRow.id == session.id).values(**values), None


def acked(session: int, seq: int) -> Write:
    """Write down how far the driver's messages are written."""
    return _ACKED, {"of_session": session, "acked": seq}


def delete_session(session: int) -> Write:
    """Remove a session with its statements and events."""
    return delete(SessionRow).where(SessionRow.id == session), None


def insert_statement(statement: Statement) -> Write:
    """Write a new statement down."""
    return _INSERT_STATEMENT, {
        "session": statement.session,
        "id": statement.id,
        **_changing(statement),
        "code": statement.code,
        "kind": statement.kind.value,
        "request": statement.request,
        "idempotency_key": statement.idempotency_key,
    }


def update_statement(statement: Statement) -> Write:
    """Write down how a statement is."""
    where = {"of_session": statement.session, "of_statement": statement.id}
    return _UPDATE_STATEMENT, where | _changing(statement)


def _changing(statement: Statement) -> dict[str, Any]:
    return {
        "state": statement.state.value,
        "progress": statement.progress,
        "started": statement.started,
        "completed": statement.completed,
        "output": statement.output,
    }


def insert_events(session: int, events: Iterable[tuple[int, Event]]) -> Write:
    """Write events down, each with the statement that it belongs to."""
    return _INSERT_EVENT, [
        {"session": session, "statement": statement, "seq": seq, "kind": kind, "payload": payload}
        for statement, (seq, kind, payload) in events
    ]


def delete_shown(session: int, statement: int, before: int) -> Write:
    """Remove what a statement showed before it took it back."""
    return _DELETE_SHOWN, {"of_session": session, "of_statement": statement, "before": before}


async def read_sessions(ledger: Ledger) -> list[Session]:
    """Return every session that was written down, as it was."""
    first, last = func.min(_STATEMENT.c.id), func.max(_STATEMENT.c.id)
    found = select(_STATEMENT.c.session, first.label("first"), last.label("last"))
    query = found.group_by(_STATEMENT.c.session)
    ids = {row.session: (row.first, row.last) for row in await ledger.read(query)}
    return [
        Session(
            id=row.id,
            project=row.project,
            owner=row.owner,
            request=CreateSession.model_validate(row.request, strict=False),
            created=row.created,
            state=SessionState(row.state),
            reason=row.reason,
            secret_hash=row.secret_hash,
            process=row.process,
            idempotency_key=row.idempotency_key,
            app_id=row.app_id,
            ui_url=row.ui_url,
            server=row.server,
            server_started=row.server_started,
            leader=row.leader,
            deleted=row.deleted,
            ended=row.ended,
            made=_in_own_clock(row.created),
            stopped=_in_own_clock(row.ended) if row.ended else None,
            written=row.acked,
            applied=row.acked,
            next_statement=max(ids.get(row.id, (0, -1))[1] + 1, 0),
            next_job=max(1 - ids.get(row.id, (0, -1))[0], 1),
        )
        for row in await ledger.read(select(_SESSION).order_by(_SESSION.c.id))
    ]


def _in_own_clock(moment: datetime) -> float:
    """Turn a moment into this process's clock; one that is yet to come was now."""
    return time.monotonic() - max(0.0, (now() - moment).total_seconds())


async def read_statements(
    ledger: Ledger, session: int, *, first: int, last: int, descending: bool = False
) -> list[Statement]:
    """Return the statements of a session with ids from `first` to `last`."""
    order = _STATEMENT.c.id.desc() if descending else _STATEMENT.c.id
    query = select(_STATEMENT).where(
        _STATEMENT.c.session == session, _STATEMENT.c.id.between(first, last)
    )
    return [_statement(row) for row in await ledger.read(query.order_by(order))]


async def read_in_pieces(
    ledger: Ledger, session: int, *, first: int, last: int, descending: bool
) -> AsyncIterator[list[Statement]]:
    """Read statements of a session so that few of them, or one large one, are in memory at once."""
    size = func.length(_STATEMENT.c.code) + func.coalesce(
        func.length(cast(_STATEMENT.c.output, Text)), 0
    )
    sized = select(_STATEMENT.c.id, size.label("size")).where(_STATEMENT.c.session == session)
    order = _STATEMENT.c.id.desc() if descending else _STATEMENT.c.id
    while first <= last:
        query = sized.where(_STATEMENT.c.id.between(first, last)).order_by(order)
        found = await ledger.read(query.limit(LOOK_AHEAD))
        if not found:
            return
        for keys in _pieces([(one.id, one.size) for one in found]):
            yield await read_statements(
                ledger, session, first=min(keys), last=max(keys), descending=descending
            )
        if descending:
            last = found[-1].id - 1
        else:
            first = found[-1].id + 1


def _pieces(sizes: list[tuple[int, int]]) -> Iterator[list[int]]:
    """Put together what is small together."""
    piece: list[int] = []
    full = 0
    for key, size in sizes:
        if piece and full + size > PIECE:
            yield piece
            piece, full = [], 0
        piece.append(key)
        full += size
    yield piece


async def read_unfinished(ledger: Ledger, session: int) -> list[Statement]:
    """Return the statements of a session that are not done, with their events."""
    over = [state.value for state in StatementState if state.over]
    query = select(_STATEMENT).where(
        _STATEMENT.c.session == session, _STATEMENT.c.state.not_in(over)
    )
    found = [_statement(row) for row in await ledger.read(query.order_by(_STATEMENT.c.id))]
    # Jobs first (files are added by them); they are numbered downwards.
    found.sort(key=lambda one: (one.id >= 0, abs(one.id)))
    for statement in found:
        statement.events = await read_events(ledger, session, statement.id, 0)
        statement.last_event = statement.events[-1][0] if statement.events else 0
        statement.clearing = _clearing(statement.events)
        statement.asking = any(kind == "input_request" for _, kind, _ in statement.events)
        statement.size = sum(len(str(event[2])) for event in statement.events)
    return found


async def read_keys(ledger: Ledger, session: int, most: int) -> list[tuple[str, int]]:
    """Return the last keys of POSTs that made statements of a session, and their numbers."""
    query = select(_STATEMENT.c.idempotency_key, _STATEMENT.c.id).where(
        _STATEMENT.c.session == session, _STATEMENT.c.idempotency_key.is_not(None)
    )
    # Jobs are numbered downwards.
    found = await ledger.read(query.order_by(func.abs(_STATEMENT.c.id).desc()).limit(most))
    return [(row.idempotency_key, row.id) for row in reversed(found)]


def _clearing(events: list[Event]) -> int:
    """Return the number of the event that still waits to take back what is before it."""
    for number, kind, payload in reversed(events):
        if kind == CLEAR:
            return number if payload["wait"] else 0
        if kind in SHOWN and kind != "update_display":
            return 0
    return 0


async def read_events(ledger: Ledger, session: int, statement: int, after: int) -> list[Event]:
    """Return a statement's events after a sequence number."""
    query = select(_EVENT.c.seq, _EVENT.c.kind, _EVENT.c.payload).where(
        _EVENT.c.session == session, _EVENT.c.statement == statement, _EVENT.c.seq > after
    )
    return [
        (row.seq, row.kind, row.payload) for row in await ledger.read(query.order_by(_EVENT.c.seq))
    ]


async def read_last_event(ledger: Ledger, session: int, statement: int) -> int:
    """Return the number of a statement's last event; 0 if it has none."""
    query = select(func.max(_EVENT.c.seq).label("last")).where(
        _EVENT.c.session == session, _EVENT.c.statement == statement
    )
    return int((await ledger.read(query))[0].last or 0)


def _statement(row: Any) -> Statement:
    return Statement(
        session=row.session,
        id=row.id,
        code=row.code,
        kind=Kind(row.kind),
        state=StatementState(row.state),
        progress=row.progress,
        started=row.started,
        completed=row.completed,
        request=row.request,
        idempotency_key=row.idempotency_key,
        output=row.output,
    )
