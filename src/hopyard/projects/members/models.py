"""Projects and members: tables, and the values that the service hands out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from hopyard.projects.scopes import Role, require
from hopyard.store.base import Base
from hopyard.store.types import Instant


class ProjectRow(Base):
    """A shared workspace."""

    __tablename__ = "projects"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(30), unique=True)
    display_name: Mapped[str] = mapped_column(String(200))
    created_by: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[datetime] = mapped_column(Instant())


class MemberRow(Base):
    """A user in a project."""

    __tablename__ = "members"
    __table_args__ = (Index(None, "user_name"),)

    project_id: Mapped[int] = mapped_column(
        ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True
    )
    user_name: Mapped[str] = mapped_column(String(255), primary_key=True)
    role: Mapped[str] = mapped_column(String(20))
    since: Mapped[datetime] = mapped_column(Instant())


class DepartureRow(Base):
    """Who is no member any more: whoever is concerned is told, nobody else."""

    __tablename__ = "departures"

    project_name: Mapped[str] = mapped_column(String(30), primary_key=True)
    user_name: Mapped[str] = mapped_column(String(255), primary_key=True)
    by: Mapped[str] = mapped_column(String(255))
    reason: Mapped[str] = mapped_column(String(20))
    """`removed` the member, or `deleted` the project."""
    at: Mapped[datetime] = mapped_column(Instant())


@dataclass(frozen=True)
class Project:
    """A project."""

    id: int
    name: str
    display_name: str
    created_by: str
    created_at: datetime


@dataclass(frozen=True)
class Member:
    """One row of a project's list of members."""

    user: str
    role: Role
    since: datetime


@dataclass(frozen=True)
class Membership:
    """A user, known to be a member of a project."""

    project: Project
    user: str
    role: Role

    def require(self, permission: str) -> None:
        """Check a permission of `scopes.PERMISSIONS`.

        Raises:
            NotAllowed: the member's role does not have it.
        """
        require(self.role, permission)

    def may(self, permission: str) -> bool:
        """Say whether the member's role has a permission."""
        from hopyard.projects.scopes import PERMISSIONS

        return self.role in PERMISSIONS[permission].roles
