"""Where one statement of SQL ends and the next begins: asked of Spark's own lexer and parser.

Both the agent and a Python kernel ask, each through its own py4j gateway. Texts without a semicolon
need no answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


def statements(jvm: Any, session: Any, text: str) -> list[str]:
    """Split text at its semicolons; at least one statement, however empty it is.

    Args:
        jvm: py4j's view of the JVM.
        session: the SparkSession in the JVM, whose parser is asked about scripts (`BEGIN … END`).
        text: may have comments, and strings of all of Spark's kinds.
    """
    if ";" not in text:
        return [text]
    tokens = _Tokens(jvm, text)
    found: list[str] = []
    start, place = 0, 0
    ends = [*tokens.of("SEMICOLON"), tokens.end]
    while start <= tokens.end.index:
        first = tokens.first(start)
        end = next(one for one in ends if one.index >= first.index)
        if end.index > first.index:
            end = _end_of_script(tokens, session, first, end, ends) or end
            found.append(text[place : end.start])
        start, place = end.index + 1, end.start + 1
    return found or [text]


@dataclass(frozen=True)
class _Token:
    """One token: its number among all, and where it begins in the text."""

    index: int
    start: int


class _Tokens:
    """The tokens of a text; few of them are ever brought over from the JVM."""

    def __init__(self, jvm: Any, text: str) -> None:
        parser, antlr = jvm.org.apache.spark.sql.catalyst.parser, jvm.org.antlr.v4.runtime
        letters = parser.UpperCaseCharStream(antlr.CharStreams.fromString(text))
        self._kinds = parser.SqlBaseLexer
        lexer = self._kinds(letters)
        lexer.removeErrorListeners()  # Spark says it itself, when it runs the statement
        self._stream = antlr.CommonTokenStream(lexer)
        self._stream.fill()
        self.text = text
        self.end = _Token(self._stream.size() - 1, len(text))

    def of(self, kind: str) -> list[_Token]:
        """Return the tokens of a kind."""
        found = self._stream.getTokens(0, self.end.index, getattr(self._kinds, kind))
        return [_Token(one.getTokenIndex(), one.getStartIndex()) for one in found or ()]

    def first(self, index: int) -> _Token:
        """Return the first token from an index on that is no comment and no space."""
        self._stream.seek(index)
        found = self._stream.LT(1)
        return _Token(found.getTokenIndex(), found.getStartIndex())


def _end_of_script(
    tokens: _Tokens, session: Any, first: _Token, end: _Token, ends: list[_Token]
) -> _Token | None:
    """Return where a script ends, which has semicolons inside; None where there is none.

    Where the parser knows no whole script, all that is left is one: Spark says what is wrong.
    """
    begins = [one for one in tokens.of("BEGIN") if first.index <= one.index < end.index]
    closing = [one for one in tokens.of("END") if one.index > first.index]
    if not begins or not closing or end is tokens.end:
        return None
    if begins[0].index != first.index and _parses(session, tokens.text[first.start : end.start]):
        return None  # a column or an alias of this name
    for one in ends:
        if any(first.index < word.index < one.index for word in closing) and _parses(
            session, tokens.text[first.start : one.start]
        ):
            return one
    return tokens.end if begins[0].index == first.index else None


def _parses(session: Any, text: str) -> bool:
    from py4j.protocol import Py4JJavaError

    try:
        session.sessionState().sqlParser().parsePlan(text)
    except Py4JJavaError:
        return False
    return True
