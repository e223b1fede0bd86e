"""What a driver's messages change: the records in memory at once, and the rows to be written.

Waiting requests see a change at once. It is acknowledged to the driver only when it is written; if
this process dies in between, the driver sends it again and the same happens again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from urllib.parse import urlsplit

from hopyard.livy import metrics, outputs, rows
from hopyard.livy.ledger import Write
from hopyard.livy.records import CLEAR, Event, Session, Statement, was_shown
from hopyard.protocol.messages import (
    Clear,
    Display,
    Ended,
    Failed,
    InputRequest,
    Output,
    Progress,
    Ready,
    Result,
    Started,
    Step,
    Stream,
    UpMessage,
)
from hopyard.protocol.states import SessionState, StatementState, may_follow

CUT = "\n[output cut: more than {limit} characters]\n"
UNWRITABLE = "What this statement gave cannot be written down. The session goes on."
RESULT = {"status", "data", "metadata", "ename", "evalue", "traceback"}
"""Of a result's event: what the streams and displays before it do not say."""


Piece = tuple[Write, Callable[[], Write] | None]


class Batch:
    """The rows that some messages of one driver changed, to be written in one transaction.

    Args:
        session: whose driver speaks.
        output_limit: characters of one statement's output; what is beyond is dropped (the driver
            cuts at the same limit: this holds also against one that does not).
    """

    def __init__(self, session: Session, output_limit: int) -> None:
        self._session = session
        self._limit = output_limit
        self._events: list[tuple[int, Event]] = []
        self._changed: dict[int, Statement] = {}
        self._fields: set[str] = set()
        self._taken_back: dict[int, int] = {}
        """Statements, and the events before which theirs are not shown any more."""

    def apply(self, message: UpMessage) -> str | None:
        """Let one message take effect; return why the driver is over, if it says so."""
        session = self._session
        match message:
            case Step():
                session.say(message.text)
                session.news.tell()
            case Ready():
                self._ready(message)
            case Failed():
                # Not idle any more, whatever its last statement was: the end is written down next.
                session.move(SessionState.SHUTTING_DOWN)
                return message.reason or "The driver failed without a reason."
            case Ended():
                return message.reason or "The driver ended."
            case _ if isinstance(message, Output):
                statement = session.live.get(message.statement)
                if statement is not None:
                    self._of_statement(statement, message)
                elif session.late.knows(message.statement):
                    self._late(message)
        return None

    def give_up(self, statement: Statement, reason: str, result: Result | None = None) -> None:
        """Let a statement end with an error, since something that it gave cannot be taken.

        Args:
            statement: which one.
            reason: why.
            result: its end, if that is what cannot be taken.
        """
        statement.fault = statement.fault or reason
        if result is not None:
            self._result(statement, result)
            statement.news.tell()

    def writes(self, seq: int) -> list[Write]:
        """Return what is to be written, with the number of the last message in it."""
        writes = []
        if self._events:
            writes.append(rows.insert_events(self._session.id, self._events))
        writes += [
            rows.delete_shown(self._session.id, statement, before)
            for statement, before in self._taken_back.items()
        ]
        writes += [rows.update_statement(statement) for statement in self._changed.values()]
        if self._fields:
            writes.append(rows.update_session(self._session, *sorted(self._fields)))
        return [*writes, rows.acked(self._session.id, seq)]

    def pieces(self, seq: int) -> Iterator[Piece]:
        """Yield the same one by one, each with what is written if it cannot be written."""
        session = self._session
        for event in self._events:
            yield rows.insert_events(session.id, [event]), None
        for key, before in self._taken_back.items():
            yield rows.delete_shown(session.id, key, before), None
        for statement in self._changed.values():
            yield rows.update_statement(statement), partial(_bare, statement)
        for field in sorted(self._fields):
            yield rows.update_session(session, field), None
        yield rows.acked(session.id, seq), None

    def _ready(self, message: Ready) -> None:
        session = self._session
        session.app_id = message.app_id
        session.ui_url = message.ui_url if is_local(message.ui_url) else None
        self._fields |= {"app_id", "ui_url", "state"}
        metrics.START_SECONDS.observe(time.monotonic() - session.made)
        session.used = time.monotonic()  # its start is not time without work
        session.move(SessionState.IDLE)
        session.settle()
        session.news.tell()

    def _of_statement(self, statement: Statement, message: Output) -> None:
        match message:
            case Started():
                if not self._started(statement, message.at):
                    return
            case Stream():
                self._output(statement, "stream", {"name": message.name, "text": message.text})
            case Display():
                kind = "update_display" if message.update else "display_data"
                payload = message.model_dump(include={"data", "metadata", "transient"})
                self._output(statement, kind, payload)
            case Clear():
                self._event(statement, CLEAR, {"wait": message.wait})
                statement.clearing = statement.last_event
                if not message.wait:
                    self._take_back(statement)
            case InputRequest():
                statement.asking = True
                payload = {"prompt": message.prompt, "password": message.password}
                self._event(statement, "input_request", payload)
            case Progress():
                statement.progress = min(max(message.fraction, 0.0), 1.0)
                payload = message.model_dump(exclude={"type", "seq", "statement"})
                self._event(statement, "progress", payload)
            case Result():
                self._result(statement, message)
        statement.news.tell()

    def _started(self, statement: Statement, at: int) -> bool:
        if not statement.move(StatementState.RUNNING):
            return False
        statement.started = at
        self._event(statement, "state", {"state": statement.state.value})
        self._changed[statement.id] = statement
        return True

    def _late(self, message: Output) -> None:
        """Take what a statement shows after its end."""
        match message:
            case Stream():
                kind, payload = "stream", message.model_dump(include={"name", "text"})
            case Display():
                kind = "update_display" if message.update else "display_data"
                payload = message.model_dump(include={"data", "metadata", "transient"})
            case Clear():
                kind, payload = CLEAR, {"wait": message.wait}
            case _:
                return
        key = message.statement
        event = self._session.late.add(key, kind, payload, self._limit)
        if event is not None:
            self._events.append((key, event))
            recent = self._session.recent.get(key)
            if recent is not None and recent.events:
                recent.events.append(event)

    def _result(self, statement: Statement, message: Result) -> None:
        cancelled = message.status == "cancelled"
        state = StatementState.CANCELLED if cancelled else StatementState.AVAILABLE
        if not may_follow(statement.state, state):
            return
        if message.began is not None and statement.state is StatementState.WAITING:
            self._started(statement, message.began)
        if statement.fault and not cancelled:
            message = _failed(message, statement.fault)
        statement.output = outputs.compose(statement, message)
        statement.move(state)
        statement.started = statement.started or message.at
        statement.completed = max(message.at, statement.started)
        if not cancelled:
            statement.progress = 1.0
        if message.last:
            self._session.move(SessionState.SHUTTING_DOWN)
        self._event(statement, "result", message.model_dump(include=RESULT))
        self._event(statement, "state", {"state": statement.state.value})
        self._changed[statement.id] = statement
        statement.size += sum(len(str(value)) for value in message.data.values())
        metrics.STATEMENT_SECONDS.labels(statement.kind.value).observe(
            time.monotonic() - statement.taken
        )
        self._session.finish(statement)

    def _output(self, statement: Statement, kind: str, payload: dict[str, object]) -> None:
        if statement.clearing and kind != "update_display":
            self._take_back(statement)
        length = len(str(payload.get("text") or payload.get("data")))
        if statement.size > self._limit:
            return
        statement.size += length
        if statement.size > self._limit * 1.1:
            payload = {"name": "stderr", "text": CUT.format(limit=self._limit)}
            kind = "stream"
        self._event(statement, kind, payload)

    def _take_back(self, statement: Statement) -> None:
        """Forget what was shown before the code cleared it: a loop may do so all day."""
        before, statement.clearing = statement.clearing, 0
        statement.size = 0
        statement.events = [one for one in statement.events if not was_shown(one, before)]
        self._events = [
            (key, one)
            for key, one in self._events
            if key != statement.id or not was_shown(one, before)
        ]
        self._taken_back[statement.id] = before

    def _event(self, statement: Statement, kind: str, payload: dict[str, object]) -> None:
        statement.last_event += 1
        event = (statement.last_event, kind, payload)
        statement.events.append(event)
        self._events.append((statement.id, event))


def _failed(result: Result, reason: str) -> Result:
    """Return a statement's end as an error."""
    text = f"What this statement gave cannot be taken: {reason}. The session goes on."
    return Result(
        statement=result.statement,
        at=result.at,
        status="error",
        ename="CannotShow",
        evalue=text,
        last=result.last,
    )


def _bare(statement: Statement) -> Write:
    """Write down that a statement is over; what it gave is nothing that the database can have."""
    statement.output = outputs.broken(statement, "CannotShow", UNWRITABLE, printed="")
    statement.completed = min(statement.completed, int(time.time() * 1000))
    statement.started = min(statement.started, statement.completed)
    statement.news.tell()
    return rows.update_statement(statement)


def is_local(url: str | None) -> bool:
    """Whether this is an address that the server may fetch for a user: http on loopback."""
    if not url:
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1")
    except ValueError:
        return False
