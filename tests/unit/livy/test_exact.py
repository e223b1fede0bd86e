"""Numbers of many digits on their way to an answer, and texts that only look like them."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from hopyard.livy.records import Statement
from hopyard.livy.routes.statements import written
from hopyard.protocol.exact import MARK, Number, decoded, dumps, encoded
from hopyard.protocol.states import Kind, StatementState

DIGITS = "12345678901234567890123456789012345.678"
LIKE_IT = [f"{MARK}12", f"{MARK}12{MARK}", MARK, MARK * 2, f"{MARK * 3}1", f"x{MARK}1"]


def test_number_has_all_its_digits() -> None:
    value = {"data": [[Number(DIGITS), {"deep": [Number("-9e-39"), 1.5]}]], "text": "ä"}
    written = dumps({"output": encoded(value)}, ["output"])
    assert json.loads(written, parse_float=Decimal)["output"] == {
        "data": [[Decimal(DIGITS), {"deep": [Decimal("-9e-39"), Decimal("1.5")]}]],
        "text": "ä",
    }
    assert DIGITS in written


@pytest.mark.parametrize("text", LIKE_IT)
def test_text_that_looks_like_a_number_stays_text(text: str) -> None:
    value = {"data": [text, {text: [text]}]}
    assert decoded(encoded(value)) == value
    assert json.loads(dumps(encoded(value), ())) == value
    assert json.loads(dumps(value)) == value
    elsewhere = {"code": text, "output": encoded(value)}
    assert json.loads(dumps(elsewhere, ["output"])) == {"code": text, "output": value}


@pytest.mark.parametrize("inside", ["", "1x", "01", "NaN", '1","a":"', "1.", "--1", "\u0661"])
def test_what_is_no_number_does_not_break_an_answer(inside: str) -> None:
    assert json.loads(dumps([MARK + inside], ())) == [MARK + inside]


@pytest.mark.parametrize("kind", [Kind.PYSPARK, Kind.SPARK, Kind.SPARKR, Kind.SQL])
def test_only_an_sql_result_has_such_numbers(kind: Kind) -> None:
    text = f"{MARK}12"
    statement = Statement(1, 0, text, kind, state=StatementState.AVAILABLE)
    data: dict[str, Any] = {"text/plain": text, "application/json": {"data": [[text]]}}
    statement.output = {"status": "ok", "execution_count": 0, "data": data}
    shown = json.loads(written(statement))
    assert shown["code"] == shown["output"]["data"]["text/plain"] == text
    [[cell]] = shown["output"]["data"]["application/json"]["data"]
    assert cell == (12 if kind is Kind.SQL else text)
