"""The table of batches.

A row is written before the process is started, where the process is before its application begins:
so after any kill of the server each application is known, and none runs twice.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Boolean, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from hopyard.store.base import Base
from hopyard.store.types import Instant


class BatchRow(Base):
    """A batch: one application of one user in one project."""

    __tablename__ = "livy_batches"
    __table_args__ = (
        Index("ix_livy_batches_project_owner", "project", "owner"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    project: Mapped[str] = mapped_column(String(64))
    owner: Mapped[str] = mapped_column(String(255))
    """Empty where nobody signs in (standalone on loopback)."""
    name: Mapped[str | None] = mapped_column(String(255))
    state: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(Text, default="")
    """Why it is over, in one sentence; empty after success."""
    request: Mapped[dict[str, Any]] = mapped_column(JSON)
    """The body of POST /batches, as checked."""
    process: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """What the launcher needs to find the process again."""
    idempotency_key: Mapped[str | None] = mapped_column(String(128))
    """What the client calls the POST that made it (`livy/once.py`)."""
    app_id: Mapped[str | None] = mapped_column(String(255))
    ui_url: Mapped[str | None] = mapped_column(Text)
    exit_code: Mapped[int | None] = mapped_column(Integer)
    deleted: Mapped[bool] = mapped_column(Boolean, default=False)
    """Nobody sees it any more; the row goes when its process is surely gone."""
    created: Mapped[datetime] = mapped_column(Instant)
    ended: Mapped[datetime | None] = mapped_column(Instant)
