"""Invitations: one-time links with which a person makes an account."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from hopyard.store.base import Base
from hopyard.store.types import Instant


class InvitationRow(Base):
    """A one-time link; only a hash of its token is kept."""

    __tablename__ = "invitations"

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    user_name: Mapped[str] = mapped_column(String(255))
    admin: Mapped[bool]
    invited_by: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[datetime] = mapped_column(Instant())
    expires_at: Mapped[datetime] = mapped_column(Instant())
    redeemed_at: Mapped[datetime | None] = mapped_column(Instant())


@dataclass(frozen=True)
class Invitation:
    """An invitation, without its token."""

    id: int
    user: str
    admin: bool
    invited_by: str
    created_at: datetime
    expires_at: datetime
