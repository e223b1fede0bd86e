"""Secrets as they are kept, and who read them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from hopyard.store.base import Base
from hopyard.store.types import Instant


class SecretRow(Base):
    """A secret; its value is encrypted for exactly this owner and name."""

    __tablename__ = "secrets"
    __table_args__ = (UniqueConstraint("owner", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(String(255))
    name: Mapped[str] = mapped_column(String(200))
    project_id: Mapped[int | None] = mapped_column(ForeignKey("projects.id", ondelete="SET NULL"))
    """The project that it is shared with; without one it is private."""
    key: Mapped[str] = mapped_column(String(64), index=True)
    blob: Mapped[bytes] = mapped_column(LargeBinary())
    created_at: Mapped[datetime] = mapped_column(Instant())
    updated_at: Mapped[datetime] = mapped_column(Instant())


class SecretReadRow(Base):
    """A value was handed out; kept when the secret is gone."""

    __tablename__ = "secret_reads"

    id: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(String(255), index=True)
    name: Mapped[str] = mapped_column(String(200))
    reader: Mapped[str] = mapped_column(String(255))
    project: Mapped[str] = mapped_column(String(30))
    way: Mapped[str] = mapped_column(String(40))
    at: Mapped[datetime] = mapped_column(Instant())


@dataclass(frozen=True)
class Secret:
    """A secret without its value."""

    owner: str
    name: str
    project: str | None
    """The name of the project that it is shared with."""
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class SecretRead:
    """Who read which value, when, in which project and in which way."""

    owner: str
    name: str
    reader: str
    project: str
    way: str
    at: datetime
