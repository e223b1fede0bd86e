"""Values as all that is on their way can have them: JSON, UTF-8, WebSockets, databases.

Code in a driver may show anything. What one of the stations refuses would stop the statement there,
so it is made plain where it begins: a lone surrogate becomes U+FFFD as in plain Jupyter, a number
that JSON has not becomes its text, what is nested too deeply becomes JSON in a text.

Standard library only: this is imported in kernels.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from datetime import date, datetime
from numbers import Integral, Real
from types import GeneratorType
from typing import Any

DEPTH = 100
"""Levels. Pydantic reads 200 of a message and writes 255."""
LARGEST = 10**1000
"""Python reads and writes 4,300 digits."""
CONTAINERS = (Mapping, list, tuple, set, frozenset, GeneratorType)


def text(value: str) -> str:
    """Return a text as UTF-8 can have it: halves of a surrogate pair joined, or replaced."""
    if value.isascii():
        return value
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return value


def plain(value: Any, _above: tuple[int, ...] = ()) -> Any:
    """Return a value as it may be sent.

    Raises:
        TypeError: it is nothing that JSON knows.
        ValueError: it contains itself.
    """
    kind = type(value)
    if kind is str:
        return text(value)
    if value is None or kind is bool:
        return value
    if isinstance(value, int):
        return int(value) if abs(value) < LARGEST else hex(value)  # decimal would take minutes
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else repr(float(value))
    if isinstance(value, str):
        return text(str(value))
    if isinstance(value, CONTAINERS):
        return _container(value, _above)
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Integral | Real):  # such as NumPy's
        return plain(int(value) if isinstance(value, Integral) else float(value))
    raise TypeError(f"{type(value).__name__} is nothing that JSON knows")


def _container(value: Any, above: tuple[int, ...]) -> Any:
    if id(value) in above:
        raise ValueError("a value that contains itself")
    if len(above) >= DEPTH:
        return _flat(value)
    above = (*above, id(value))
    if isinstance(value, Mapping):
        return {_key(key): plain(item, above) for key, item in value.items()}
    return [plain(item, above) for item in value]


def _key(key: Any) -> str:
    if isinstance(key, str):
        return text(str(key))
    if key is None or isinstance(key, bool | int | float):
        return json.dumps(plain(key)).strip('"')  # as JSON's own keys: null, true, 1
    return text(str(key))


def _flat(value: Any) -> str:
    try:
        return text(json.dumps(value, ensure_ascii=False, default=str))
    except (RecursionError, TypeError, ValueError):
        return "…"
