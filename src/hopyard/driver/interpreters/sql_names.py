"""Completion and inspection of SQL from Spark's catalogue: functions, tables, columns."""

from __future__ import annotations

import re
import time
from typing import Any

from hopyard.driver.workspace import Workspace

_WORD = r"(?:[^\W\d]\w*|`[^`]*`)"
_PREFIX = re.compile(rf"(?:({_WORD}(?:\.{_WORD})*)\.)?(\w*)$")
_SOURCE = re.compile(
    rf"\b(?:from|join|into|update|table)\s+({_WORD}(?:\.{_WORD})*)(?:\s+(?:as\s+)?({_WORD}))?",
    re.IGNORECASE,
)
_NAME = re.compile(rf"{_WORD}(?:\.{_WORD})*")
FRESH = 30.0
"""Seconds that the list of functions is kept."""
SOURCES = 8
"""Tables of a statement that are looked at."""


class Names:
    """Knows the names that SQL may use; runs outside of the event loop."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._spark = workspace.spark
        self._keywords: list[str] = []
        self._functions: list[str] = []
        self._read = 0.0

    def complete(self, code: str, cursor: int) -> tuple[int, list[str]]:
        """Return where the word before the cursor starts, and what it may become."""
        ((qualifier, word),) = _PREFIX.findall(code[:cursor])[:1]
        if qualifier:
            names = self._of(qualifier, code) or self._tables(qualifier)
        else:
            names = [*self._columns(code), *self._tables(), *self._globals(word)]
        begin = word.lower()
        matches = [name for name in dict.fromkeys(names) if name.lower().startswith(begin)]
        return cursor - len(word), matches

    def describe(self, code: str, cursor: int) -> str:
        """Return a table's columns or a function's description; empty if it is neither."""
        name = next((m[0] for m in _NAME.finditer(code) if m.start() <= cursor <= m.end()), "")
        if not name:
            return ""
        return self._schema(name) or self._function(name)

    def _globals(self, word: str) -> list[str]:
        now = time.monotonic()
        if not self._keywords:
            self._keywords = self._lines("select keyword from sql_keywords()")
        if not self._functions or now - self._read > FRESH:
            self._functions = [
                name for name in self._lines("show functions") if re.fullmatch(r"[\w.]+", name)
            ]
            self._read = now
        keywords = self._keywords
        return [*self._functions, *(map(str.lower, keywords) if word.islower() else keywords)]

    def _tables(self, namespace: str | None = None) -> list[str]:
        within = f" in {namespace}" if namespace else ""
        return self._lines(f"show tables{within}", "tableName")

    def _columns(self, code: str) -> list[str]:
        found = _SOURCE.findall(code)[:SOURCES]
        return [column for table, _ in found for column in self._fields(table)]

    def _of(self, qualifier: str, code: str) -> list[str]:
        for table, alias in _SOURCE.findall(code):
            if qualifier.lower() in (alias.lower(), table.lower(), table.split(".")[-1].lower()):
                return self._fields(table)
        return []

    def _fields(self, table: str) -> list[str]:
        from py4j.protocol import Py4JJavaError

        try:
            names = self._workspace.session.table(table).schema().fieldNames()
        except Py4JJavaError:
            return []
        return list(names)

    def _schema(self, table: str) -> str:
        from py4j.protocol import Py4JJavaError

        try:
            tree: str = self._workspace.session.table(table).schema().treeString()
        except Py4JJavaError:
            return ""
        return f"{table}\n{tree}".rstrip("\n")

    def _function(self, name: str) -> str:
        text = "\n".join(self._lines(f"describe function extended {name}"))
        return "" if re.match(r"Function: \S+ not found", text) else text

    def _lines(self, query: str, column: str | None = None) -> list[str]:
        """Return the first (or a named) column of a query's rows; none where it fails."""
        from py4j.protocol import Py4JJavaError

        encoders: Any = self._spark.jvm.org.apache.spark.sql.Encoders
        none = self._spark.array("java.lang.String", [])
        try:
            frame = self._workspace.session.sql(query)
            rows = frame.select(column or frame.columns()[0], none)
            texts = getattr(rows, "as")(encoders.STRING()).collectAsList()
            joined: str = self._spark.jvm.java.lang.String.join("\n", texts)
        except Py4JJavaError:
            return []
        return joined.split("\n") if joined else []
