"""`%%pretty`: the tables that Spark's `show()` prints, as HTML.

Sparkmagic's own way loses a column where two have one name, fails at Chinese or an emoji (Spark
pads by the width on a screen) and takes a value that looks like HTML for HTML.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape

_RULE = re.compile(r"([ \t]*)\+(?:-*\+)+\r?")
_WIDE = re.compile(
    "[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff00-\uff60"
    "\uffe0-\uffe6\U00010000-\U0010ffff]"
)
"""What Spark pads as two: org.apache.spark.util.Utils.stringHalfWidth, by UTF-16's units."""
_CELL = '<{tag}><pre style="word-break: unset; background-color: unset;">{text}</pre></{tag}>'


def html_of(text: str) -> str | None:
    """Return what was printed as HTML; None where there is no table in it.

    A table may lack its end: long output is cut.
    """
    parts = list(_parts(text.split("\n")))
    if not any(part.startswith("<table") for part in parts):
        return None
    return "<br />".join(parts)


def _parts(lines: list[str]) -> Iterator[str]:
    """Yield tables and the text between them, each as HTML."""
    plain: list[str] = []
    at = 0
    while at < len(lines):
        found = _table(lines, at)
        if found is None:
            plain.append(lines[at])
            at += 1
            continue
        yield from _text(plain)
        plain = []
        table, at = found
        yield table
    yield from _text(plain)


def _text(lines: list[str]) -> Iterator[str]:
    text = "\n".join(lines).strip()
    if text:
        yield f"<pre>{escape(text)}</pre>"


def _table(lines: list[str], at: int) -> tuple[str, int] | None:
    """Return the table that begins at a line, and the line after it."""
    rule = lines[at]
    begin = _RULE.fullmatch(rule)
    if begin is None or at + 2 >= len(lines) or lines[at + 2] != rule:
        return None
    indent = len(begin[1])
    edges = [number for number, sign in enumerate(rule[indent:]) if sign == "+"]
    header = _cells(lines[at + 1][indent:], edges)
    if header is None:
        return None
    rows = [_row(header, "th")]
    at += 3
    while at < len(lines) and (cells := _cells(lines[at][indent:], edges)) is not None:
        rows.append(_row(cells, "td"))
        at += 1
    if at < len(lines) and lines[at] == rule:
        at += 1
    return f"<table>{''.join(rows)}</table>", at


def _cells(line: str, edges: list[int]) -> list[str] | None:
    """Return the cells of a line; None where it has no border at each edge."""
    cells: list[str] = []
    cell, column, edge = "", 0, 0
    for sign in line:
        if column == edges[edge]:
            if sign != "|":
                return None
            if edge:
                cells.append(cell.strip())
            cell, edge = "", edge + 1
            if edge == len(edges):
                return cells
        else:
            cell += sign
        column += 2 if _WIDE.match(sign) else 1
    return None


def _row(cells: list[str], tag: str) -> str:
    return "<tr>" + "".join(_CELL.format(tag=tag, text=escape(cell)) for cell in cells) + "</tr>"
