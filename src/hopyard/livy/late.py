"""What statements show after their end: a thread of a cell prints, a display is updated.

It is written down with its statement's events, marked `late` (the statement's output stays as it
was when it ended), and told at once to whoever listens to the session.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Any

from hopyard.livy.news import News

KEPT = 500
"""Events that are told to a listener who was away for a moment."""
ENDS = 1000
"""Statements whose last event's number is known."""

LateEvent = tuple[int, int, str, dict[str, Any]]
"""Its number in the session, its statement, kind, payload."""


class Late:
    """What came late in one session, since this server runs."""

    def __init__(self) -> None:
        self.news = News()
        self.number = 0
        """Of the last that came."""
        self._events: deque[LateEvent] = deque(maxlen=KEPT)
        self._ends: OrderedDict[int, tuple[int, int]] = OrderedDict()
        """By statement: the number of its last event, and the characters that came late."""

    def knows(self, statement: int) -> bool:
        """Say whether a statement that is over is known."""
        return statement in self._ends

    def ended(self, statement: int, last_event: int) -> None:
        """A statement is over, or was looked up."""
        self._ends[statement] = last_event, 0
        if len(self._ends) > ENDS:
            self._ends.popitem(last=False)

    def add(
        self, statement: int, kind: str, payload: dict[str, Any], limit: int
    ) -> tuple[int, str, dict[str, Any]] | None:
        """Take what a statement shows; return its event, None if it showed too much already."""
        last, size = self._ends[statement]
        if size > limit:
            return None
        self._ends[statement] = last + 1, size + len(str(payload))
        payload = payload | {"late": True}
        self.number += 1
        self._events.append((self.number, statement, kind, payload))
        self.news.tell()
        return last + 1, kind, payload

    def after(self, number: int) -> list[LateEvent]:
        """Return what came after a number; all, if that is of a server before this one."""
        first = number if number <= self.number else 0
        return [event for event in self._events if event[0] > first]
