"""Help while typing: completion and inspection, answered by the driver.

The driver answers between cells only. While a cell runs, and before there is a session, the answer
is what the kernel knows itself: the language's words and those of the notebook's cells; it says
so instead of waiting.
"""

from __future__ import annotations

import re
from typing import Any

from hopyard.notebook.kernels.connection import Http
from hopyard.notebook.kernels.errors import LivyError
from hopyard.notebook.kernels.language import Language
from hopyard.notebook.kernels.parser import MAGICS
from hopyard.notebook.kernels.session import Session

BUSY = "Spark is busy"
NO_SESSION = "no Spark session yet"
SECONDS = 2.0
"""How long a driver may take to answer; the first time it loads its completer."""
WORDS = 5000
_WORD = re.compile(r"[^\W\d]\w*$")
_WORDS = re.compile(r"[^\W\d]\w{2,}")
_TYPES = "_jupyter_types_experimental"


class Assistant:
    """Answers completions and inspections of one kernel.

    Args:
        language: whose words are known.
    """

    def __init__(self, language: Language) -> None:
        self._language = language
        self._seen: dict[str, None] = {}

    def learn(self, code: str) -> None:
        """Remember the words of a cell."""
        for word in _WORDS.findall(code):
            self._seen[word] = None
        for word in list(self._seen)[: max(0, len(self._seen) - WORDS)]:
            del self._seen[word]

    def complete(self, session: Session | None, kind: str, code: str, cursor: int) -> Any:
        """Return completions in the form of Jupyter's `complete_reply`."""
        if session is None:
            return self.known(code, cursor, NO_SESSION)
        asked = {"code": code, "cursor": cursor, "kind": kind}
        try:
            found = _ask(session, "completion", asked)
        except LivyError:
            return self.known(code, cursor, BUSY)
        return {
            "status": "ok",
            "matches": found["candidates"],
            "cursor_start": found.get("cursor_start", cursor),
            "cursor_end": found.get("cursor_end", cursor),
            "metadata": found.get("metadata") or {},
        }

    def known(self, code: str, cursor: int, why: str) -> dict[str, Any]:
        """Return completions from known words; each says why there are no better ones."""
        found = _WORD.search(code, 0, cursor)
        start = found.start() if found else cursor
        begin = code[start:cursor]
        # After a dot only names can stand, and of those that are not seen nothing is known.
        own = () if code[:start].endswith((".", "$")) else self._language.words
        words = sorted({*own, *self._seen}) if begin else []
        matches = [word for word in words if word.startswith(begin) and word != begin]
        return _reply(matches, start, cursor, why)

    def inspect(
        self, session: Session | None, kind: str, code: str, cursor: int, detail: int
    ) -> dict[str, Any]:
        """Return documentation in the form of Jupyter's `inspect_reply`."""
        if session is None:
            return unknown(NO_SESSION)
        asked = {"code": code, "cursor": cursor, "kind": kind, "detail": detail}
        try:
            found = _ask(session, "inspect", asked)
        except LivyError:
            return unknown(BUSY)
        return found if "found" in found else unknown(BUSY)


def magics(code: str, cursor: int, offset: int) -> dict[str, Any]:
    """Return the names of our magics that begin like what stands before the cursor."""
    begin = code[offset:cursor]
    return _reply([name for name in MAGICS if name.startswith(begin)], offset, cursor, "magic")


def unknown(why: str) -> dict[str, Any]:
    """Return an inspection that says why there is none."""
    text = f"No documentation now: {why}. Ask again when no cell runs."
    if why == NO_SESSION:
        text = "No documentation now: no Spark session yet. The first cell starts it."
    return {"status": "ok", "found": True, "data": {"text/plain": text}, "metadata": {}}


def _reply(matches: list[str], start: int, end: int, kind: str) -> dict[str, Any]:
    types = [{"start": start, "end": end, "text": text, "type": kind} for text in matches]
    return {
        "status": "ok",
        "matches": matches,
        "cursor_start": start,
        "cursor_end": end,
        "metadata": {_TYPES: types} if matches else {},
    }


def _ask(session: Session, what: str, body: dict[str, Any]) -> dict[str, Any]:
    http: Http = session.http
    found: dict[str, Any] = http.ask(f"/sessions/{session.id}/{what}", body, SECONDS).json()
    return found
