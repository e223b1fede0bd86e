"""The forms of answers, for OpenAPI and its readers; `views.py` makes them (a test compares)."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from hopyard.protocol.states import BatchState, Kind, SessionState, StatementState


class Answer(BaseModel):
    """The base of all answers: every key is always there, more may be."""

    model_config = ConfigDict(extra="allow", use_attribute_docstrings=True)


class Message(Answer):
    """What was done, or what is wrong."""

    msg: str


class AppInfo(Answer):
    """Where browsers find an application."""

    driverLogUrl: str | None
    """The driver's log as a page of text."""
    sparkUiUrl: str | None
    """Spark's own pages, through this server; null while there are none."""
    executorLogUrls: str | None
    """Always null: executors' logs are in Spark's pages."""


class SessionInfo(Answer):
    """A session."""

    id: int
    name: str | None
    appId: str | None
    owner: str | None
    proxyUser: str | None
    state: SessionState
    kind: Kind
    appInfo: AppInfo
    log: list[str]
    ttl: str | None
    idleTimeout: str | None
    driverMemory: str | None
    driverCores: int
    executorMemory: str | None
    executorCores: int
    conf: dict[str, str]
    archives: list[str]
    files: list[str]
    heartbeatTimeoutInSecond: int
    jars: list[str]
    numExecutors: int
    pyFiles: list[str]
    queue: str | None


class SessionPage(Answer):
    """Some of the caller's sessions."""

    sessions: list[SessionInfo]
    total: int


class SessionStateInfo(Answer):
    """The state of a session."""

    id: int
    state: SessionState


class BatchInfo(Answer):
    """A batch."""

    id: int
    """Given once; numbers go on after a restart of the server."""
    name: str | None
    """The name that was asked for; works as an id while the batch is known."""
    owner: str | None
    """Who submitted it; null where nobody signs in."""
    proxyUser: str | None
    """In whose name Spark works, where that is not the owner."""
    state: BatchState
    """`success` after exit code 0, `dead` after any other, `killed` by DELETE."""
    appId: str | None
    """Spark's id of the application; null until it has one, or if it never used Spark."""
    appInfo: AppInfo
    log: list[str]
    """The last lines of its stdout and stderr; the very last one says how it ended."""


class BatchPage(Answer):
    """Some of the caller's batches."""

    sessions: list[BatchInfo]
    """By rising id."""
    total: int
    """How many there are with those that are not shown."""


class BatchStateInfo(Answer):
    """The state of a batch."""

    id: int
    state: BatchState


class Log(Answer):
    """Lines of a driver's log."""

    id: int
    total: int
    log: list[str]


class Output(Answer):
    """What a statement gave; of a failed one `ename`, `evalue` and `traceback`."""

    status: Literal["ok", "error"]
    execution_count: int
    data: dict[str, Any] = {}
    ename: str = ""
    evalue: str = ""
    traceback: list[str] = []


class StatementInfo(Answer):
    """A statement."""

    id: int
    code: str
    state: StatementState
    output: Output | None
    progress: float
    started: int
    completed: int


class StatementPage(Answer):
    """Some of a session's statements."""

    total_statements: int
    statements: list[StatementInfo]


class Candidates(Answer):
    """What may stand at a place in code."""

    candidates: list[str]


class JobInfo(Answer):
    """A job of Livy's Python client; `result` is a pickle in base64, twice."""

    id: int
    state: Literal["SENT", "QUEUED", "STARTED", "CANCELLED", "FAILED", "SUCCEEDED"]
    result: str | None
    error: str | None
