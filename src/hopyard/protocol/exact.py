"""JSON numbers that no float can hold, such as decimals of 38 digits.

Neither Python's `json` nor a database column of JSON keeps such a number. The SQL interpreter has
it as a `Number`; on the way from driver to client it is a text that begins with a mark, and a text
of the user that begins so has one mark more (`encoded`). It is a number again where an answer is
written (`dumps`), and only in what the SQL interpreter gave: whatever else looks alike (code, what
Python printed, a key) was never encoded and is left as it is.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

MARK = "\ufdd0"
"""One of Unicode's noncharacters: seldom in a text, so that almost nothing is written twice."""
_DIGITS = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Number:
    """A number, with all its digits."""

    digits: str


def encoded(value: Any) -> Any:
    """Return JSON's value with its numbers as texts, and no other text that can be taken for one.

    Keys are no numbers and stay.
    """
    match value:
        case Number():
            return MARK + value.digits
        case str():
            return MARK + value if value.startswith(MARK) else value
        case list():
            return [encoded(item) for item in value]
        case dict():
            return {key: encoded(item) for key, item in value.items()}
    return value


def decoded(value: Any) -> Any:
    """Return what was encoded."""
    match value:
        case str() if value.startswith(MARK):
            rest = value[len(MARK) :]
            if rest.startswith(MARK):
                return rest
            # From a driver: what is no number would break the answer.
            return Number(rest) if _DIGITS.fullmatch(rest) else value
        case list():
            return [decoded(item) for item in value]
        case dict():
            return {key: decoded(item) for key, item in value.items()}
    return value


def dumps(value: Any, encoded_at: Sequence[str] | None = None) -> str:
    """Return JSON.

    Args:
        value: what to write.
        encoded_at: the keys that lead to the part of it which is encoded; None: no part is.
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if encoded_at is None or MARK not in text:
        return text
    # What stands for numbers is made up after all the texts are there: none of them has it.
    token = secrets.token_hex(16)
    text = json.dumps(
        _decoded_at(value, encoded_at),
        ensure_ascii=False,
        separators=(",", ":"),
        default=lambda number: token + number.digits,
    )
    return re.sub(f'"{token}([^"]*)"', r"\1", text)


def _decoded_at(value: Any, keys: Sequence[str]) -> Any:
    """Decode a part of a value, which itself is not changed."""
    if not keys:
        return decoded(value)
    if not isinstance(value, dict) or keys[0] not in value:
        return value
    return value | {keys[0]: _decoded_at(value[keys[0]], keys[1:])}
