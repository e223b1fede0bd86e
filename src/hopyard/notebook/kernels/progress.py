"""The progress of a cell: a bar while it runs, then one line with the time."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Any

PATIENCE = 1.0
"""Seconds that a cell may run before its progress is shown."""
_WIDTH = 20
_HTML = (
    '<div style="display:flex;align-items:center;gap:.75em;font-size:90%">'
    '<progress {value} style="width:16em" aria-label="{label}"></progress>'
    "<span>{text}</span></div>"
)
_DONE = '<div style="font-size:90%;opacity:.75">{text}</div>'


class Bar:
    """One display that shows how far something is, once it takes long enough.

    Args:
        send: publishes a message of the kernel.
        label: what it is about, for screen readers.
    """

    def __init__(self, send: Callable[[str, dict[str, Any]], None], label: str) -> None:
        self._publish = send
        self._label = label
        self._begun = time.monotonic()
        self._id: str | None = None

    @property
    def seconds(self) -> float:
        """How long it runs."""
        return time.monotonic() - self._begun

    @property
    def shown(self) -> bool:
        """Whether there is something to be seen."""
        return self._id is not None

    def show(self, words: str, fraction: float | None) -> None:
        """Say how far it is; None where that is not known."""
        if self._id is None and self.seconds < PATIENCE:
            return
        text = f"{words} · {self.seconds:.0f} s"
        value = "" if fraction is None else f'value="{fraction:.4f}" max="1"'
        if fraction is None:
            plain = text
        else:
            plain = f"[{'#' * int(_WIDTH * fraction):<{_WIDTH}}] {fraction:4.0%} {text}"
        self._show(plain, _HTML.format(value=value, label=self._label, text=text))

    def end(self, words: str) -> None:
        """Leave one line, if something was shown."""
        if self._id is not None:
            text = f"{words} in {self.seconds:.1f} s"
            self._show(text, _DONE.format(text=text))

    def hidden(self) -> None:
        """What was shown is not there any more: the next look is shown anew."""
        self._id = None

    def _show(self, text: str, html: str) -> None:
        kind = "display_data" if self._id is None else "update_display_data"
        self._id = self._id or secrets.token_hex(16)
        data = {"text/plain": text, "text/html": html}
        content = {"data": data, "metadata": {}, "transient": {"display_id": self._id}}
        self._publish(kind, content)


class Progress:
    """The display of one cell's Spark jobs.

    Args:
        send: publishes a message of the kernel.
    """

    def __init__(self, send: Callable[[str, dict[str, Any]], None]) -> None:
        self._bar = Bar(send, "Spark jobs")
        self._last: dict[str, Any] = {}

    def update(self, progress: dict[str, Any]) -> None:
        """Show how far the jobs are, where the cell runs long enough."""
        self._last = progress
        self._bar.show(words(progress), progress["fraction"])

    def hidden(self) -> None:
        """The cell's output was cleared, and the bar with it."""
        self._bar.hidden()

    def end(self) -> None:
        """Leave one line, if something was shown."""
        if self._bar.shown:
            self._bar.end(f"Spark: {words(self._last, over=True)}")


def words(progress: dict[str, Any], *, over: bool = False) -> str:
    """Return the counts in words."""
    done, total = progress["tasks_done"], progress["tasks"]
    parts = [
        _count(progress["jobs"], "job"),
        _count(progress["stages"], "stage"),
        _count(total, "task") if over else f"{done:,} of {_count(total, 'task')}",
    ]
    if progress["tasks_failed"]:
        parts.append(f"{progress['tasks_failed']:,} failed")
    if progress.get("executors"):
        parts.append(_count(progress["executors"], "executor"))
    elif not over:
        parts.append("no executor: Spark waits for its cluster")
    return " · ".join(parts)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
