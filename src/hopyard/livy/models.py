"""The tables of the Livy server.

A session's row is written before its driver is started, a statement's before the POST is answered,
an event (a piece of output) before it is acknowledged to the driver. Ids of sessions are never
given twice, also not after a session was deleted.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from hopyard.store.base import Base
from hopyard.store.types import Instant


class SessionRow(Base):
    """A session of one user in one project: a Spark driver, or a part of one."""

    __tablename__ = "livy_sessions"
    __table_args__ = (
        Index("ix_livy_sessions_project_owner", "project", "owner"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    project: Mapped[str] = mapped_column(String(64))
    owner: Mapped[str] = mapped_column(String(255))
    """Empty where nobody signs in (standalone on loopback)."""
    name: Mapped[str | None] = mapped_column(String(255))
    kind: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16))
    """Of a session that works: `idle` (busy or not is seen from its statements)."""
    reason: Mapped[str] = mapped_column(Text, default="")
    """Why it is over, in one sentence."""
    request: Mapped[dict[str, Any]] = mapped_column(JSON)
    """The body of POST /sessions, as checked."""
    secret_hash: Mapped[str] = mapped_column(String(64), default="")
    """SHA-256 of the secret that its driver shows when it dials home."""
    process: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    """What the launcher needs to find the driver again."""
    idempotency_key: Mapped[str | None] = mapped_column(String(128))
    """What the client calls the POST that made it (`once.py`)."""
    app_id: Mapped[str | None] = mapped_column(String(255))
    ui_url: Mapped[str | None] = mapped_column(Text)
    acked: Mapped[int] = mapped_column(BigInteger, default=0)
    """The last number of the driver's messages that is written down."""
    server: Mapped[str | None] = mapped_column(String(64))
    """The Jupyter server whose token made this session: it ends with that server."""
    server_started: Mapped[str | None] = mapped_column(String(64))
    """When that server was started, as the Hub says it."""
    leader: Mapped[int | None] = mapped_column(Integer)
    """The session whose driver this one joined; None: its own. That one's row stays meanwhile."""
    deleted: Mapped[bool] = mapped_column(Boolean, default=False)
    """Nobody sees it any more; the row goes when the driver is surely gone."""
    created: Mapped[datetime] = mapped_column(Instant)
    ended: Mapped[datetime | None] = mapped_column(Instant)


class StatementRow(Base):
    """A piece of code that runs, ran or will run in a session."""

    __tablename__ = "livy_statements"

    session: Mapped[int] = mapped_column(
        ForeignKey("livy_sessions.id", ondelete="CASCADE"), primary_key=True
    )
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    code: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16))
    progress: Mapped[float] = mapped_column(default=0.0)
    started: Mapped[int] = mapped_column(BigInteger, default=0)
    """Milliseconds since 1970, as the next."""
    completed: Mapped[int] = mapped_column(BigInteger, default=0)
    request: Mapped[str] = mapped_column(String(64), server_default="")
    """The number of the HTTP request that made it."""
    idempotency_key: Mapped[str | None] = mapped_column(String(128))
    """What the client calls the POST that made it (`once.py`)."""
    output: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """What Livy calls output, once it is done."""


class EventRow(Base):
    """What happened in a statement, in order: the source of the event stream."""

    __tablename__ = "livy_events"

    session: Mapped[int] = mapped_column(
        ForeignKey("livy_sessions.id", ondelete="CASCADE"), primary_key=True
    )
    statement: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    """1, 2, 3 … in each statement."""
    kind: Mapped[str] = mapped_column(String(32))
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
