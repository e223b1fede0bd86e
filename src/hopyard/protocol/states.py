"""States of sessions, statements and batches, and which may follow which.

The words are Livy's (https://livy.apache.org/docs/latest/rest-api.html). Each transition is in one
table; an illegal one raises, so that a late message never revives what is over.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar


class Kind(StrEnum):
    """What language a statement is in."""

    SPARK = "spark"
    PYSPARK = "pyspark"
    SPARKR = "sparkr"
    SQL = "sql"
    SHARED = "shared"
    """Of a session only: each statement says its kind."""


class SessionState(StrEnum):
    """The state of a session (one Spark driver)."""

    NOT_STARTED = "not_started"
    STARTING = "starting"
    RECOVERING = "recovering"
    IDLE = "idle"
    RUNNING = "running"
    BUSY = "busy"
    SHUTTING_DOWN = "shutting_down"
    ERROR = "error"
    DEAD = "dead"
    KILLED = "killed"
    SUCCESS = "success"

    @property
    def over(self) -> bool:
        """Whether nothing more happens in this session."""
        return not SESSION_NEXT[self]


class StatementState(StrEnum):
    """The state of a statement (one piece of code)."""

    WAITING = "waiting"
    RUNNING = "running"
    AVAILABLE = "available"
    ERROR = "error"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"

    @property
    def over(self) -> bool:
        """Whether this statement is done."""
        return not STATEMENT_NEXT[self]


class BatchState(StrEnum):
    """The state of a batch (an application that runs to its end by itself)."""

    STARTING = "starting"
    RUNNING = "running"
    SUCCESS = "success"
    DEAD = "dead"
    KILLED = "killed"

    @property
    def over(self) -> bool:
        """Whether the application has ended."""
        return not BATCH_NEXT[self]


_B, _S, _T = BatchState, SessionState, StatementState
_ENDS = frozenset({_S.SHUTTING_DOWN, _S.ERROR, _S.DEAD, _S.KILLED, _S.SUCCESS})

SESSION_NEXT: dict[SessionState, frozenset[SessionState]] = {
    _S.NOT_STARTED: frozenset({_S.STARTING}) | _ENDS,
    _S.STARTING: frozenset({_S.IDLE, _S.BUSY, _S.RECOVERING}) | _ENDS,
    _S.RECOVERING: frozenset({_S.STARTING, _S.IDLE, _S.BUSY}) | _ENDS,
    _S.RUNNING: frozenset({_S.IDLE, _S.BUSY, _S.RECOVERING}) | _ENDS,
    _S.IDLE: frozenset({_S.BUSY, _S.RECOVERING}) | _ENDS,
    _S.BUSY: frozenset({_S.IDLE, _S.RECOVERING}) | _ENDS,
    _S.SHUTTING_DOWN: frozenset({_S.ERROR, _S.DEAD, _S.KILLED, _S.SUCCESS}),
    _S.ERROR: frozenset(),
    _S.DEAD: frozenset(),
    _S.KILLED: frozenset(),
    _S.SUCCESS: frozenset(),
}

STATEMENT_NEXT: dict[StatementState, frozenset[StatementState]] = {
    _T.WAITING: frozenset({_T.RUNNING, _T.AVAILABLE, _T.ERROR, _T.CANCELLING, _T.CANCELLED}),
    _T.RUNNING: frozenset({_T.AVAILABLE, _T.ERROR, _T.CANCELLING, _T.CANCELLED}),
    _T.CANCELLING: frozenset({_T.AVAILABLE, _T.ERROR, _T.CANCELLED}),
    _T.AVAILABLE: frozenset(),
    _T.ERROR: frozenset(),
    _T.CANCELLED: frozenset(),
}

BATCH_NEXT: dict[BatchState, frozenset[BatchState]] = {
    _B.STARTING: frozenset({_B.RUNNING, _B.SUCCESS, _B.DEAD, _B.KILLED}),
    _B.RUNNING: frozenset({_B.SUCCESS, _B.DEAD, _B.KILLED}),
    _B.SUCCESS: frozenset(),
    _B.DEAD: frozenset(),
    _B.KILLED: frozenset(),
}


State = TypeVar("State", SessionState, StatementState, BatchState)


class IllegalTransition(ValueError):
    """A state was to follow one that it cannot follow."""


def may_follow(old: State, new: State) -> bool:
    """Say whether `new` may follow `old`; staying as it is is always allowed."""
    if isinstance(old, SessionState):
        return new == old or new in SESSION_NEXT[old]
    if isinstance(old, BatchState):
        return new == old or new in BATCH_NEXT[old]
    return new == old or new in STATEMENT_NEXT[old]


def check_transition(old: State, new: State) -> State:
    """Return `new` if it may follow `old`.

    Raises:
        IllegalTransition: it may not.
    """
    if not may_follow(old, new):
        raise IllegalTransition(f"{new.value} cannot follow {old.value}")
    return new
