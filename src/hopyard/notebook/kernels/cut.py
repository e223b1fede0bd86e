"""Long output: a notebook shows its beginning, and links to all of it.

A notebook that holds megabytes of text is slow to open and to save. The Livy server has what a
statement printed (up to its own limit) and shows it to those who may see the session.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

SHOWN = 500_000
"""Characters of text that one cell shows."""
_TEXT = "text/plain"

Message = tuple[str, dict[str, Any]]
"""Kind and content, as Jupyter has them."""


class Cut:
    """Lets through the beginning of one cell's text.

    Args:
        address: where all of it is; without one, the marker has no link.
        most: characters that are shown.
    """

    def __init__(self, address: str | None, most: int = SHOWN) -> None:
        self.address = address
        self._most = most
        self._left = most
        self._over = False

    def stream(self, content: dict[str, Any]) -> Iterator[Message]:
        """Yield what is to be shown of a piece of text."""
        text = content["text"]
        if len(text) <= self._left:
            self._left -= len(text)
            yield "stream", content
        elif not self._over:
            if self._left:
                yield "stream", {**content, "text": text[: self._left]}
            self._left, self._over = 0, True
            yield "display_data", self._marker("The rest is not shown here.")

    def result(self, content: dict[str, Any]) -> Iterator[Message]:
        """Yield what is to be shown of a cell's value."""
        text = content["data"].get(_TEXT, "")
        if not isinstance(text, str) or len(text) <= self._most:
            yield "execute_result", content
            return
        data = {**content["data"], _TEXT: text[: self._most]}
        yield "execute_result", {**content, "data": data}
        yield "display_data", self._marker(f"The value has {len(text):,}.")

    def _marker(self, more: str) -> dict[str, Any]:
        words = f"Output cut here: a cell shows {self._most:,} characters. {more}"
        data = {_TEXT: words, "text/html": f"<p><em>{words}</em></p>"}
        if self.address:
            href = escape(self.address)
            link = f'<a href="{href}" target="_blank" rel="noopener">All of it</a>'
            data = {
                _TEXT: f"{words} All of it: {self.address}",
                "text/html": f"<p><em>{words}</em> {link}</p>",
            }
        return {"data": data, "metadata": {}}
