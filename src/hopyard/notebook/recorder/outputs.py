"""A cell's outputs, made from its kernel's messages as a page would make them.

The rules are nbformat's and JupyterLab's: neighbouring streams of one name are one output, a
carriage return or backspace overwrites, `clear_output` may wait for the next output, and
`update_display_data` changes what was displayed under its id. What a page shows and what is
recorded are then equal, which is how a save is recognised (`merge.py`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

LIMIT = 10_000_000
"""Letters of one cell that are kept; a page that shows more is slow anyway."""
CUT = "\n[The recorded output is cut here, after {limit:,} letters: the cell printed more.]\n"
CONTROL = re.compile(r"([\n\r\b])")
OUTPUTS = frozenset({"stream", "display_data", "execute_result", "error"})
KINDS = OUTPUTS | {"update_display_data", "clear_output"}


class Stream:
    """The text of one stream; only its last line can still change."""

    def __init__(self, name: str, text: str = "") -> None:
        self.name = name
        self._whole: list[str] = []
        self._line = ""
        self._cursor = 0
        self.size = 0
        self.add(text)

    def add(self, text: str) -> None:
        """Print `text` after what is there."""
        before = len(self._line)
        if "\r" not in text and "\b" not in text and self._cursor == before:
            lines, newline, self._line = (self._line + text).rpartition("\n")
            if newline:
                self._whole.append(lines + newline)
            self._cursor = len(self._line)
            self.size += len(text)
            return
        grown = 0
        for part in CONTROL.split(text):
            if part == "\n":
                self._whole.append(self._line + "\n")
                grown += len(self._line) + 1
                self._line, self._cursor = "", 0
            elif part == "\r":
                self._cursor = 0
            elif part == "\b":
                self._cursor = max(0, self._cursor - 1)
                self._line = self._line[: self._cursor] + self._line[self._cursor + 1 :]
            elif part:
                end = self._cursor + len(part)
                self._line = self._line[: self._cursor] + part + self._line[end:]
                self._cursor = end
        self.size += grown + len(self._line) - before

    @property
    def text(self) -> str:
        """What a reader sees."""
        if len(self._whole) > 1:
            self._whole = ["".join(self._whole)]
        return "".join(self._whole) + self._line


class Outputs:
    """The outputs of one execution of one cell, in the order shown."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._shown: list[Stream | dict[str, Any]] = []
        self._ids: list[str | None] = []
        self._size = 0
        self._clear_next = False
        self.cut = False

    @classmethod
    def load(cls, shown: list[dict[str, Any]], ids: list[str | None], cut: bool) -> Outputs:
        """Return outputs as `dump` and `ids` gave them."""
        made = cls()
        for output in shown:
            made._append(output, None)
        made._ids = list(ids)
        made.cut = cut
        return made

    def dump(self) -> list[dict[str, Any]]:
        """Return the outputs as nbformat has them."""
        return [
            {"output_type": "stream", "name": one.name, "text": one.text}
            if isinstance(one, Stream)
            else one
            for one in self._shown
        ]

    @property
    def ids(self) -> list[str | None]:
        """The display id of each output that has one: updates may follow."""
        return list(self._ids)

    def displays(self, display_id: str) -> bool:
        """Return whether something is displayed under an id."""
        return display_id in self._ids

    @property
    def size(self) -> int:
        """About how many letters they have."""
        return self._size

    def apply(self, kind: str, content: Mapping[str, Any]) -> None:
        """Apply one message of a kernel.

        Args:
            kind: one of `KINDS`.
            content: the message's content.
        """
        if kind == "clear_output":
            self._clear_next = bool(content.get("wait"))
            if not self._clear_next:
                self._clear()
        elif kind == "update_display_data":
            self._update((content.get("transient") or {}).get("display_id"), content)
        else:
            self._add(kind, content)

    def _update(self, display_id: str | None, content: Mapping[str, Any]) -> None:
        places = [n for n, one in enumerate(self._ids) if one == display_id] if display_id else []
        for place in places:
            # As the pages have it: an updated result is a display.
            new = _output("display_data", content)
            old = self._shown[place]
            self._size += _size(new) - (old.size if isinstance(old, Stream) else _size(old))
            self._shown[place] = new

    def _clear(self) -> None:
        self._shown, self._ids, self._size = [], [], 0
        self._clear_next = self.cut = False

    def _add(self, kind: str, content: Mapping[str, Any]) -> None:
        if self._clear_next:
            self._clear()
        # The end of a cell that failed is worth more than all before it.
        if kind != "error":
            if self.cut:
                return
            if self._size + _size(content) > self._limit:
                self._cut(kind, content)
                return
        self._append(
            _output(kind, content), (content.get("transient") or {}).get("display_id") or None
        )

    def _cut(self, kind: str, content: Mapping[str, Any]) -> None:
        if kind == "stream":
            fits = content["text"][: self._limit - self._size]
            self._append(_output(kind, {**content, "text": fits}), None)
        self.cut = True
        self._append(
            {"output_type": "stream", "name": "stderr", "text": CUT.format(limit=self._limit)}, None
        )

    def _append(self, output: dict[str, Any], display_id: str | None) -> None:
        last = self._shown[-1] if self._shown else None
        if output["output_type"] != "stream":
            self._size += _size(output)
            self._shown.append(output)
        elif isinstance(last, Stream) and last.name == output["name"]:
            before = last.size
            last.add(_text(output["text"]))
            self._size += last.size - before
            return
        else:
            stream = Stream(output["name"], _text(output["text"]))
            self._size += stream.size
            self._shown.append(stream)
        self._ids.append(display_id)


def _text(text: str | list[str]) -> str:
    return text if isinstance(text, str) else "".join(text)


def _output(kind: str, content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the output that a message is."""
    if kind == "stream":
        return {"output_type": "stream", "name": content["name"], "text": content["text"]}
    if kind == "error":
        return {"output_type": "error"} | {
            name: content[name] for name in ("ename", "evalue", "traceback")
        }
    output: dict[str, Any] = {
        "output_type": kind,
        "data": content.get("data") or {},
        "metadata": content.get("metadata") or {},
    }
    if kind == "execute_result":
        output["execution_count"] = content.get("execution_count")
    return output


def _size(content: Mapping[str, Any]) -> int:
    if "text" in content:
        return len(content["text"])
    return sum(
        len(value) if isinstance(value, str) else len(json.dumps(value))
        for value in (content.get("data") or {}).values()
    )
