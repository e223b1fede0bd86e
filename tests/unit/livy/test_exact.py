"""Numbers of many digits, from their marks to an answer's bytes."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from hopyard.livy.routes.statements import Exact
from hopyard.protocol.exact import MARK, dumps, marked

DIGITS = "12345678901234567890123456789012345.678"


def test_marked_text_is_a_number_in_answers_and_events() -> None:
    value = {"data": [[marked(DIGITS), {"deep": [marked("-9e-39"), 1.5]}]], "text": "ä"}
    for text in (Exact(value).body, dumps(value)):
        read = json.loads(text, parse_float=Decimal)
        assert read == {
            "data": [[Decimal(DIGITS), {"deep": [Decimal("-9e-39"), Decimal("1.5")]}]],
            "text": "ä",
        }
    assert DIGITS in dumps(value)


@pytest.mark.parametrize("inside", ["", "1x", "01", "NaN", '1","a":"', "1.", "--1"])
def test_what_is_no_number_stays_text(inside: str) -> None:
    text = f"{MARK}{inside}{MARK}"
    assert json.loads(Exact([text]).body) == [text]
    assert json.loads(dumps([text])) == [text]
