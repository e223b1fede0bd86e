"""What a session's driver does while it starts, in one display that changes."""

from __future__ import annotations

from html import escape
from typing import Any

from IPython.display import display


class Steps:
    """One display: the last step, at the end the session's table."""

    def __init__(self) -> None:
        self._shown: Any = None
        self._text = ""

    def show(self, text: str, html: str | None = None) -> None:
        """Show something in the place of what was shown before."""
        if text == self._text:
            return
        self._text = text
        data = {"text/plain": text, "text/html": html or f"<em>{escape(text)}</em>"}
        if self._shown is None:
            self._shown = display(data, raw=True, display_id=True)
        else:
            self._shown.update(data, raw=True)
