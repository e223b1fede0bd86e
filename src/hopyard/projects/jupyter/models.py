"""The settings of a Jupyter server, and the tables of settings and servers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel
from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from hopyard.store.base import Base
from hopyard.store.types import Instant

LOG_LEVELS = ("ALL", "TRACE", "DEBUG", "INFO", "WARN", "ERROR", "OFF")


class JupyterSettings(BaseModel, extra="forbid"):
    """What a member chose on the Jupyter page; memory in MB."""

    mode: Literal["python", "spark"] = "python"
    interface: Literal["lab", "classic"] = "lab"
    memory: int = 2048
    """Of the Jupyter server itself, in Python mode."""
    cores: int = 1
    allocation: Literal["static", "dynamic"] = "static"
    executors: int = 1
    executors_min: int = 1
    executors_max: int = 2
    driver_memory: int = 2048
    driver_cores: int = 1
    executor_memory: int = 4096
    executor_cores: int = 1
    properties: str = ""
    """More Spark properties, one a line."""
    log_level: Literal["ALL", "TRACE", "DEBUG", "INFO", "WARN", "ERROR", "OFF"] = "WARN"
    hours: int | None = 6
    """Hours until the server is shut down; None: no limit."""


class ServerState(StrEnum):
    """What became of a Jupyter server, as its spawner reported."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPED = "stopped"
    FAILED = "failed"


class SettingsRow(Base):
    """What a member chose, remembered for each project."""

    __tablename__ = "jupyter_settings"

    project_id: Mapped[int] = mapped_column(
        ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True
    )
    user_name: Mapped[str] = mapped_column(String(255), primary_key=True)
    settings: Mapped[str] = mapped_column(Text)
    updated_at: Mapped[datetime] = mapped_column(Instant())


class ServerRow(Base):
    """The last start of a member's Jupyter server in a project."""

    __tablename__ = "jupyter_servers"

    project_id: Mapped[int] = mapped_column(
        ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True
    )
    user_name: Mapped[str] = mapped_column(String(255), primary_key=True)
    state: Mapped[str] = mapped_column(String(20))
    step: Mapped[str | None] = mapped_column(Text)
    error: Mapped[str | None] = mapped_column(Text)
    interface: Mapped[str] = mapped_column(String(20))
    settings: Mapped[str | None] = mapped_column(Text)
    started_at: Mapped[datetime] = mapped_column(Instant())
    expires_at: Mapped[datetime | None] = mapped_column(Instant())
    updated_at: Mapped[datetime] = mapped_column(Instant())


@dataclass(frozen=True)
class ServerRecord:
    """The last start of a Jupyter server, as written down."""

    state: ServerState
    step: str | None
    error: str | None
    interface: str
    started_at: datetime
    expires_at: datetime | None
    updated_at: datetime
    started_with: JupyterSettings | None = None
    """What was chosen then: the page may say something else by now."""


@dataclass(frozen=True)
class ServerPlan:
    """What the spawner is to start.

    Attributes:
        memory_mb: memory of the Jupyter server itself.
        cores: processor cores of the Jupyter server itself.
        mode: python or spark: which kernels are offered.
        interface: lab or classic.
        hours: time until shutdown; None: no limit.
        session_request: the body of Livy's `POST /sessions` made from the settings.
        expires_at: when the server is to be shut down; None: never. Ask `Jupyter.expires_at` for
            the present value, since the member can extend it.
        default_url: where Open leads, below the server's address.
    """

    memory_mb: int
    cores: int
    mode: Literal["python", "spark"]
    interface: Literal["lab", "classic"]
    hours: int | None
    session_request: dict[str, Any]
    expires_at: datetime | None
    default_url: str
