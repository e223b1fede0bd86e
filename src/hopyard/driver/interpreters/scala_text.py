"""Scala's code as it comes and the compiler's words as they go: text only."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hopyard.driver.interpreters.base import Outcome
from hopyard.driver.interpreters.text import unix_lines, without_java_frames

LABEL = "<cell>"
"""The name of the code inside of the REPL: with its usual one it leaves out line numbers."""
SHOWN = "<console>"
"""The name that users of spark-shell and of Livy know."""
_MAGIC = re.compile(r"%(\w+)[ \t]*(.*)")
_TEXT = re.compile(
    r'"""(?:.*?"""+|.*)|"(?:\\.|[^"\\\n])*"?|/\*|//[^\n]*|\'(?:\\.|[^\\\n])\'|`[^`\n]*`', re.DOTALL
)
"""A string, a comment, a letter or a quoted name; of a long comment, which may hold others, the
beginning."""
_COMMENT = re.compile(r"/\*|\*/")
_COMMAND = re.compile(r"\s*:(\w+|\?)")
_REPORT = re.compile(rf"{re.escape(LABEL)}:(\d+): (error|warning): ")
_FRAME = re.compile(r"\s+(at \S|\.\.\. \d+ )")
INCOMPLETE = (
    f"{SHOWN}: error: the code is incomplete: a bracket, a quote or an expression is not closed"
)


@dataclass(frozen=True)
class Piece:
    """A part of a statement that is run by itself; empty lines before it keep line numbers right.

    Attributes:
        magic: `json` or `table`: the code's value is the result, in that form.
    """

    code: str
    magic: str = ""


def pieces(code: str) -> list[Piece]:
    """Split code at the lines that are magics of Livy.

    Raises:
        ValueError: a command of the Scala shell or an unknown magic; the text says what is allowed.
    """
    if found := _COMMAND.match(code):
        raise ValueError(_no_command(found[1]))
    code = unix_lines(code)
    result: list[Piece] = []
    lines: list[str] = []
    within = set(_lines_within_text(code))
    for number, line in enumerate(code.split("\n")):
        found = None if number in within else _MAGIC.fullmatch(line)
        if found is None or found[1] not in ("json", "table"):
            if found is not None and not "".join(lines).strip():
                raise ValueError(f"Unknown magic %{found[1]}. Allowed: %json NAME, %table NAME.")
            lines.append(line)
            continue
        if not found[2].strip():
            raise ValueError(f"%{found[1]} takes a name or an expression: %{found[1]} NAME.")
        if "".join(lines).strip():
            result.append(Piece("\n".join(lines)))
        result.append(Piece("\n" * number + found[2], found[1]))
        lines = [""] * (number + 1)
    if "".join(lines).strip():
        result.append(Piece("\n".join(lines)))
    return result


def _no_command(name: str) -> str:
    if name in ("q", "quit"):
        return (
            f"':{name}' does not end the session: it ends with its notebook's kernel, or when it "
            "is deleted."
        )
    return (
        f"Commands of the Scala shell (':{name}') do not run here. "
        "Allowed: Scala code, and the magics %json NAME and %table NAME."
    )


def _lines_within_text(code: str) -> Iterator[int]:
    """Yield the numbers of the lines that begin inside of a string or of a comment."""
    place = 0
    while found := _TEXT.search(code, place):
        place = found.end() if found[0] != "/*" else _end_of_comment(code, found.end())
        first = code.count("\n", 0, found.start())
        yield from range(first + 1, first + 1 + code.count("\n", found.start(), place))


def _end_of_comment(code: str, place: int) -> int:
    depth = 1
    while depth and (found := _COMMENT.search(code, place)):
        depth += 1 if found[0] == "/*" else -1
        place = found.end()
    return len(code) if depth else place


def outcome(answer: dict[str, Any]) -> Outcome:
    """Return how a statement ended, from the REPL's answer about one that failed."""
    if "compiler" in answer:
        evalue, traceback = compiler_error(answer["compiler"])
    elif "exception" in answer:
        evalue, traceback = exception(answer["exception"])
    else:
        evalue, traceback = INCOMPLETE, ()
    return Outcome("error", ename="Error", evalue=evalue, traceback=traceback)


def compiler_error(text: str) -> tuple[str, tuple[str, ...]]:
    """Return the first error's message, and as the traceback where it is and what else there is.

    The compiler writes an empty line, the line of code, a caret below it, then place and message.
    """
    first: list[str] | None = None
    rest: list[str] = []
    for block in re.split(r"\n(?=\n)", text):
        lines = block.strip("\n").splitlines()
        index = next((i for i, line in enumerate(lines) if _REPORT.match(line)), None)
        if index is None:
            rest += [line for line in lines if line.strip()]
            continue
        message = [lines[index].replace(LABEL, SHOWN, 1), *lines[index + 1 :]]
        if first is None and ": error: " in message[0]:
            first = message
            rest = lines[:index] + rest
        else:
            rest += message + lines[:index]
    if first is None:
        lines = text.strip().splitlines() or ["the code cannot be compiled"]
        first, rest = lines[:1], lines[1:]
    return "\n".join(first), tuple(line + "\n" for line in rest)


def exception(text: str) -> tuple[str, tuple[str, ...]]:
    """Return an exception's class and message, and as the traceback the user's own frames."""
    lines = without_java_frames(text).rstrip("\n").splitlines()
    end = next((i for i, line in enumerate(lines) if _FRAME.match(line)), len(lines))
    frames = [
        line.replace(LABEL, SHOWN)
        for line in lines[end:]
        if not _FRAME.match(line) or f"({LABEL}:" in line
    ]
    return "\n".join(lines[:end]), tuple(line + "\n" for line in frames)
