"""Whatever code shows can be sent, and is what plain Jupyter shows."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from hopyard.protocol.plain import DEPTH, plain, text


def nested(levels: int) -> Any:
    value: Any = "x"
    for level in range(levels):
        value = [value] if level % 2 else {"k": value}
    return value


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("caf\udce9", "caf\ufffd"),
        ("\ud83d\ude00", "😀"),
        ("\ude00\ud83d", "\ufffd\ufffd"),
        ("a\0b", "a\0b"),
        (True, True),
        (None, None),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        (-0.0, -0.0),
        (2**64, 2**64),
        (10**4000, hex(10**4000)),
        (b"\xff", "/w=="),
        ({1: (2, 3), None: {4}, 0.5: 1}, {"1": [2, 3], "null": [4], "0.5": 1}),
        ({(1, 2): 3, "\udcff": 4}, {"(1, 2)": 3, "\ufffd": 4}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_value_is_one_of_json(given: Any, expected: Any) -> None:
    found = plain(given)
    assert found == expected
    assert json.loads(json.dumps(found, allow_nan=False).encode()) == found


def test_what_is_nested_too_deeply_becomes_text() -> None:
    assert plain(nested(DEPTH)) == nested(DEPTH)
    found, levels = plain(nested(DEPTH + 50)), 0
    while not isinstance(found, str):
        found = found[0] if isinstance(found, list) else found["k"]
        levels += 1
    assert levels == DEPTH
    assert json.loads(found) == nested(50)
    limit = sys.getrecursionlimit()
    assert plain(nested(limit * 20)) is not None


def test_what_contains_itself_or_is_unknown_is_refused() -> None:
    value: list[Any] = []
    value += [value, value]
    with pytest.raises(ValueError, match="contains itself"):
        plain(value)
    with pytest.raises(TypeError, match="object"):
        plain([object()])


def test_text_that_utf8_has_is_the_same() -> None:
    same = "ä😀\ufdd0"
    assert text(same) is same
