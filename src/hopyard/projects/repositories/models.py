"""The settings of a member's repository in a project, and their table."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import BaseModel
from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from hopyard.protocol.git import Job, Outcome
from hopyard.store.base import Base
from hopyard.store.types import Instant


class RepositorySettings(BaseModel, extra="forbid", hide_input_in_errors=True):
    """What a member chose; with the provider `off` the rest is remembered and not used."""

    provider: Literal["off", "github", "gitlab", "git"] = "off"
    url: str = ""
    user: str = ""
    """The name that goes with the key; empty: the provider's usual one."""
    secret: str = ""
    """The name of the secret that is the API key; empty: a repository that anyone may read."""
    base: str = ""
    """The branch that is pulled; empty: the server's default branch."""
    head: str = ""
    """The branch that is pushed to; empty: the base branch."""
    pull_on_start: bool = True
    push_on_stop: bool = True
    ignore_uncommitted: bool = False
    on_divergence: Literal["rebase", "merge"] = "merge"

    @property
    def on(self) -> bool:
        """Whether Jupyter servers work in the repository."""
        return self.provider != "off"


class RepositoryRow(Base):
    """What a member chose in a project, and how the last work on it ended."""

    __tablename__ = "repositories"

    project_id: Mapped[int] = mapped_column(
        ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True
    )
    user_name: Mapped[str] = mapped_column(String(255), primary_key=True)
    settings: Mapped[str] = mapped_column(Text)
    job: Mapped[str | None] = mapped_column(String(20))
    outcome: Mapped[str | None] = mapped_column(Text)
    worked_at: Mapped[datetime | None] = mapped_column(Instant())
    updated_at: Mapped[datetime] = mapped_column(Instant())


@dataclass(frozen=True)
class LastWork:
    """How the last job on a working copy ended."""

    job: Job
    outcome: Outcome
    at: datetime
