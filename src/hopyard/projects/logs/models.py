"""Logs: where one comes from, a piece of one, a line that was found."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True)
class Source:
    """One log file, by a name that is safe in an address."""

    id: str
    """`jupyter-RUN`, `session-ID` or `batch-ID`."""
    kind: Literal["jupyter", "session", "batch"]
    label: str
    size: int
    changed_at: datetime


@dataclass(frozen=True)
class Piece:
    """A piece of a log: whole characters, from one byte of the file to another."""

    text: str
    start: int
    end: int
    size: int


@dataclass(frozen=True)
class Hit:
    """A line that was found."""

    offset: int
    """The byte of the file at which the line begins."""
    line: str
