"""Secrets that were read are not shown: in outputs, errors and logs of drivers and notebooks.

Standard library only: this is imported in kernels of people's own environments.
"""

from __future__ import annotations

import html
import json
import sys
from collections.abc import Collection
from typing import Any
from urllib.parse import quote

SHORTEST = 4
"""Characters. What is shorter is found in every text."""
LINE = 8
"""Characters from which a line of a longer value is hidden on its own."""
SHOWN = "********"


class Mask:
    """Hides values."""

    def __init__(self) -> None:
        self._added: dict[str, None] = {}
        self._values: list[str] = []

    def __repr__(self) -> str:
        return f"Mask({len(self._added)} values)"

    @property
    def known(self) -> list[str]:
        """The values, for another mask that is to hide the same."""
        return list(self._added)

    def add(self, value: str) -> None:
        """Hide a value from now on, and each longer line of it, also as programs quote texts."""
        self._added[value] = None
        lines = [line.strip() for line in value.splitlines()]
        pieces = {value, value.strip(), *(line for line in lines if len(line) >= LINE)}
        forms = {form for piece in pieces if len(piece) >= SHORTEST for form in _forms(piece)}
        self._values = sorted({*self._values, *forms}, key=len, reverse=True)

    def hide(self, text: str) -> str:
        """Return a text without the values."""
        for value in self._values:
            text = text.replace(value, SHOWN)
        return text

    def hide_in(self, message: dict[str, Any], words: Collection[str] = ()) -> dict[str, Any]:
        """Return a message, of what JSON knows, without the values in its texts.

        Not in JSON's text, where a value such as `true`, `1234` or `status` would break it.

        Args:
            message: its fields' names, and those of media types, stay as they are.
            words: fields that stay as they are: the protocol's own.
        """
        if not self._values:
            return message
        return {
            name: value if name in words else self._hidden(value, 1)
            for name, value in message.items()
        }

    def _hidden(self, value: Any, level: int) -> Any:
        if isinstance(value, str):
            return self.hide(value)
        if isinstance(value, dict):
            names = [self.hide(name) if level > 1 else name for name in value]
            values = [self._hidden(item, level + 1) for item in value.values()]
            return dict(zip(names, values, strict=True))
        if isinstance(value, list | tuple):
            return [self._hidden(item, level + 1) for item in value]
        if level > 1 and isinstance(value, int | float) and repr(value) in self._values:
            return SHOWN
        return value

    def begun(self, text: str) -> int:
        """Return how many characters at the end of a text may be the beginning of a value."""
        longest = 0
        for value in self._values:
            for size in range(min(len(value) - 1, len(text)), longest, -1):
                if text.endswith(value[:size]):
                    longest = size
                    break
        return longest


def _forms(text: str) -> set[str]:
    """Return a text as it is, and as Python, JSON, HTML and addresses write it."""
    return {
        text,
        repr(text)[1:-1],
        ascii(text)[1:-1],
        json.dumps(text)[1:-1],
        json.dumps(text, ensure_ascii=False)[1:-1],
        html.escape(text),
        html.escape(text, quote=False),
        quote(text, errors="replace"),
        quote(text, safe="", errors="replace"),
    }


class MaskedLog:
    """The driver's log, for what an interpreter's process writes by itself.

    Args:
        mask: what is not shown.
    """

    def __init__(self, mask: Mask) -> None:
        self._mask = mask
        self._held = ""

    def write(self, text: str) -> None:
        """Write a piece of text; what may be the beginning of a secret waits for the rest."""
        text = self._mask.hide(self._held + text)
        begun = self._mask.begun(text)
        shown, self._held = text[: len(text) - begun], text[len(text) - begun :]
        sys.stderr.write(shown)
        sys.stderr.flush()

    def close(self) -> None:
        """Write what waits."""
        sys.stderr.write(self._held)
        sys.stderr.flush()
        self._held = ""
