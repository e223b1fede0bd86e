"""JSON numbers that no float can hold, such as decimals of 38 digits.

Neither Python's `json` nor a database column of JSON keeps such a number: on the way from driver to
client it is a text between two marks, and becomes the number where an answer is written. The mark
is one of Unicode's noncharacters, which are never in text that is meant for others.
"""

from __future__ import annotations

import json
import re
from typing import Any

MARK = "\ufdd0"
_RAW = MARK.encode()
_NUMBER = re.compile(
    rb'"' + _RAW + rb"(-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)" + _RAW + rb'"'
)


def marked(number: str) -> str:
    """Return a number's digits as the text that becomes a number again."""
    return f"{MARK}{number}{MARK}"


def with_numbers(body: bytes) -> bytes:
    """Turn marked texts into numbers, in JSON that is UTF-8."""
    return _NUMBER.sub(rb"\1", body) if _RAW in body else body


def dumps(value: Any) -> str:
    """Return JSON in which marked texts are numbers."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return with_numbers(text.encode()).decode() if MARK in text else text
