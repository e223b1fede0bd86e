"""Secrets that were read are not shown: in outputs, errors and logs of drivers and notebooks.

Standard library only: this is imported in kernels of people's own environments.
"""

from __future__ import annotations

import json
import sys

SHORTEST = 4
"""Characters. What is shorter is found in every text."""
LINE = 8
"""Characters from which a line of a longer value is hidden on its own."""
SHOWN = "********"


class Mask:
    """Hides values."""

    def __init__(self) -> None:
        self._values: list[str] = []
        self._json: list[str] = []

    def __repr__(self) -> str:
        return f"Mask({len(self._values)} values)"

    def add(self, value: str) -> None:
        """Hide a value from now on, and each longer line of it."""
        lines = [line.strip() for line in value.splitlines()]
        pieces = {value, value.strip(), *(line for line in lines if len(line) >= LINE)}
        known = {*self._values, *(piece for piece in pieces if len(piece) >= SHORTEST)}
        self._values = sorted(known, key=len, reverse=True)
        self._json = [json.dumps(one, ensure_ascii=False)[1:-1] for one in self._values]

    def hide(self, text: str) -> str:
        """Return a text without the values."""
        for value in self._values:
            text = text.replace(value, SHOWN)
        return text

    def hide_in_json(self, text: str) -> str:
        """Return a JSON text without the values, as they are written in JSON."""
        for value in self._json:
            text = text.replace(value, SHOWN)
        return text

    def begun(self, text: str) -> int:
        """Return how many characters at the end of a text may be the beginning of a value."""
        longest = 0
        for value in self._values:
            for size in range(min(len(value) - 1, len(text)), longest, -1):
                if text.endswith(value[:size]):
                    longest = size
                    break
        return longest


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
