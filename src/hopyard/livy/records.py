"""Sessions and statements in the server's memory; what the tables say of those that still live."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from hopyard.launchers.base import Process
from hopyard.livy.late import Late
from hopyard.livy.news import News
from hopyard.livy.once import Once
from hopyard.livy.requests import CreateSession
from hopyard.protocol.messages import DownMessage
from hopyard.protocol.states import Kind, SessionState, StatementState, may_follow

KEYS = 1000
"""Statements of a session whose `Idempotency-Key` is known."""
RECENT = 32
"""Finished statements of a session that are kept in memory, where they are small."""
SMALL = 64 * 1024
STEPS = 10

Event = tuple[int, str, dict[str, Any]]
"""Sequence number, kind, payload."""
CLEAR = "clear_output"
SHOWN = ("stream", "display_data", "update_display", CLEAR)
"""The kinds of events that `clear_output` takes back."""


def was_shown(event: Event, before: int) -> bool:
    """Say whether an event is output from before another event."""
    return event[0] < before and event[1] in SHOWN


@dataclass(slots=True)
class Statement:
    """A piece of code of a session."""

    session: int
    id: int
    """0, 1, 2 …; a job of a client has one below 0 (`hopyard.livy.jobs`)."""
    code: str
    kind: Kind
    state: StatementState = StatementState.WAITING
    progress: float = 0.0
    started: int = 0
    completed: int = 0
    request: str = ""
    """The number of the HTTP request that made it; the driver's log has it too."""
    idempotency_key: str | None = None
    taken: float = field(default_factory=time.monotonic)
    """When it was taken, in this process's own clock."""
    output: dict[str, Any] | None = None
    events: list[Event] = field(default_factory=list)
    """What happened; of one that is read from the table they stay there."""
    asking: bool = False
    """Whether its code waits for a line of text."""
    watchers: int = 0
    """Event streams that show it to somebody."""
    last_event: int = 0
    size: int = 0
    """Characters of output so far."""
    fault: str = ""
    """Why what it gave could not be taken: it will end with an error."""
    clearing: int = 0
    """The event that takes back what was shown before it, once something else is shown."""
    news: News = field(default_factory=News)

    def move(self, state: StatementState) -> bool:
        """Take a state if it may follow; a late message never revives what is over."""
        if not may_follow(self.state, state):
            return False
        self.state = state
        if state is StatementState.CANCELLED:
            self.progress = 1.0  # as Apache Livy's: a client that waits for it goes on
        return True


class Line(Protocol):
    """The connection to a session's driver."""

    def send(self, message: DownMessage) -> None:
        """Send a message; one that cannot be sent is sent again after the driver dialled again."""

    def close(self, code: int) -> None:
        """Close the connection."""

    async def closed(self) -> None:
        """Wait until it is closed and all that came in is written down."""

    async def drop(self) -> None:
        """Stop listening, since the driver dialled again."""


@dataclass(slots=True, eq=False)
class Session:
    """A session of one user in one project: a Spark driver, or a part of one."""

    id: int
    project: str
    owner: str
    request: CreateSession
    created: datetime
    state: SessionState = SessionState.NOT_STARTED
    reason: str = ""
    secret_hash: str = ""
    process: Process | None = None
    idempotency_key: str | None = None
    app_id: str | None = None
    ui_url: str | None = None
    server: str | None = None
    server_started: str | None = None
    leader: int | None = None
    """The session whose driver this one joined; None: its own."""
    deleted: bool = False
    ended: datetime | None = None
    written: int = 0
    """The driver's last message that is written down."""
    applied: int = 0
    """The driver's last message that changed what is here."""
    next_statement: int = 0
    next_job: int = 1
    once: Once[Statement] = field(default_factory=lambda: Once(KEYS))
    """The keys of the POSTs that made its statements and jobs."""
    steps: list[str] = field(default_factory=list)
    """What the driver said while it started."""
    live: dict[int, Statement] = field(default_factory=dict)
    """Statements that are not done, in the order in which they run."""
    recent: OrderedDict[int, Statement] = field(default_factory=OrderedDict)
    late: Late = field(default_factory=Late)
    """What statements showed after their end."""
    looked_up: OrderedDict[int, Statement] = field(default_factory=OrderedDict)
    """Finished statements that were read from the table and asked for last."""
    shown: tuple[Any, bytes] | None = None
    """What its JSON was made of, and the JSON (`hopyard.livy.views`)."""
    line: Line | None = None
    agent: int | None = None
    """The agent's own process number: tells a second agent from one that dials again."""
    news: News = field(default_factory=News)
    made: float = field(default_factory=time.monotonic)
    """When it was made, in this process's own clock as the next four: the machine's may jump."""
    stopped: float | None = None
    launched: float = field(default_factory=time.monotonic)
    """When its driver was started or looked for."""
    used: float = field(default_factory=time.monotonic)
    seen: float = field(default_factory=time.monotonic)
    """When a client last asked about it."""
    driving: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while its driver is started, and while it is stopped: never both."""

    @property
    def kind(self) -> Kind:
        """The kind of statements that do not say theirs."""
        return self.request.kind

    @property
    def application(self) -> int:
        """The number of the session that started its driver."""
        return self.leader or self.id

    @property
    def heard(self) -> bool:
        """Whether its part of the driver was ever heard of."""
        return self.agent is not None or self.applied > 0

    @property
    def waits_to_join(self) -> bool:
        """Whether it still waits for another session's driver to let it in."""
        return self.leader is not None and not self.heard

    @property
    def place(self) -> str:
        """The name of its driver's folder."""
        return f"drivers/{self.application}"

    @property
    def over(self) -> bool:
        """Whether nothing more happens in it."""
        return self.state.over

    def move(self, state: SessionState) -> bool:
        """Take a state if it may follow, and tell those who wait."""
        if not may_follow(self.state, state):
            return False
        if state != self.state:
            self.state = state
            self.news.tell()
        return True

    def say(self, step: str) -> None:
        """Keep what happens to the driver, in words: clients see the last few as `log`."""
        self.steps = [*self.steps[-STEPS:], step]

    def settle(self) -> None:
        """Be busy or idle, as the statements are."""
        if self.state in (SessionState.IDLE, SessionState.BUSY):
            self.move(SessionState.BUSY if self.live else SessionState.IDLE)

    def finish(self, statement: Statement) -> None:
        """Move a statement that is done out of the way."""
        self.live.pop(statement.id, None)
        self.late.ended(statement.id, statement.last_event)
        self.recent[statement.id] = statement
        self.used = time.monotonic()
        self.settle()

    def trim(self, written: Iterable[int]) -> None:
        """Drop finished statements: the large ones and the oldest.

        Args:
            written: those that the table has whole; another's end may still be on its way there.
        """
        for key in written:
            found = self.recent.get(key)
            large = found is not None and found.size + len(found.code) > SMALL
            if large or len(self.recent) > RECENT:
                self.recent.pop(key, None)

    def remember(self, statement: Statement) -> None:
        """Keep a finished statement that was read from the table: clients ask again and again."""
        size = len(statement.code) + len(str(statement.output))
        if statement.state.over and size <= SMALL:
            self.looked_up[statement.id] = statement
            while len(self.looked_up) > RECENT:
                self.looked_up.popitem(last=False)

    def send(self, message: DownMessage) -> None:
        """Tell the driver something, if it is connected."""
        if self.line is not None:
            self.line.send(message)
