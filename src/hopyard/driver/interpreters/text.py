"""The text of exceptions, as users see it."""

from __future__ import annotations

REFUSED = "\x04no input: "
"""How the answer to `input()` begins when there is none; a reason follows."""


def without_java_frames(text: str) -> str:
    """Cut Java's stack out of an exception's text: it is Spark's inside."""
    lines = text.splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith(("\tat ", "\t... ")))


def unix_lines(code: str) -> str:
    """Return code with its lines ended as here, whatever system it was written on."""
    return code.replace("\r\n", "\n").replace("\r", "\n")
