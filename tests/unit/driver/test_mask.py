"""Secrets that were read are hidden, also when a text comes in pieces or as JSON."""

from __future__ import annotations

import asyncio
import html
import json
from collections.abc import Callable
from urllib.parse import quote

import pytest

from hopyard.driver.outbox import Outbox
from hopyard.driver.output import StatementOutput
from hopyard.mask import SHOWN, Mask
from hopyard.protocol.messages import UP, Result, Stream

VALUE = 'pa"ss\\wörd-1'


def test_value_is_hidden_in_text_and_in_json() -> None:
    mask = Mask()
    mask.add(VALUE)
    assert mask.hide(f"a {VALUE} b") == f"a {SHOWN} b"
    assert mask.hide_in({"text": f"x{VALUE}y"}) == {"text": f"x{SHOWN}y"}
    assert VALUE not in repr(mask)


@pytest.mark.parametrize(
    "value", ["true", "null", "1234", "stdout", "result", "statement", "text/plain", '":{"', "data"]
)
async def test_value_that_is_a_word_of_the_protocol_breaks_no_message(value: str) -> None:
    outbox = Outbox()
    outbox.mask.add(value)
    given = {"text/plain": value, "application/json": {value: [value, True, None, 1234, 12345]}}
    outbox.put(Stream(statement=1234, name="stdout", text=value))
    outbox.put(Result(statement=1234, at=1234, status="ok", data=given))
    stream, result = [UP.validate_json(await outbox.next()) for _ in range(2)]
    assert isinstance(stream, Stream) and isinstance(result, Result)
    assert (stream.statement, stream.name, stream.text) == (1234, "stdout", SHOWN)
    number = SHOWN if value == "1234" else 1234
    assert result.data == {
        "text/plain": SHOWN,
        "application/json": {SHOWN: [SHOWN, True, None, number, 12345]},
    }


def test_lines_of_a_long_value_are_hidden_alone() -> None:
    mask = Mask()
    mask.add("-----BEGIN KEY-----\nabcdefghijkl\nxyz\n")
    assert mask.hide("abcdefghijkl xyz") == f"{SHOWN} xyz"


def test_short_values_stay() -> None:
    mask = Mask()
    mask.add("abc")
    assert mask.hide("abc") == "abc"


@pytest.mark.parametrize("cut", range(1, len(VALUE)))
async def test_value_in_two_pieces_of_output_is_hidden(cut: int) -> None:
    outbox = Outbox()
    outbox.mask.add(VALUE)
    output = StatementOutput(0, outbox, 1000)
    output.stream("stdout", "before " + VALUE[:cut])
    await asyncio.sleep(0)
    output.stream("stdout", VALUE[cut:] + " after")
    output.flush()
    said = [UP.validate_json(await outbox.next()) for _ in range(outbox.last_seq)]
    text = "".join(one.text for one in said if isinstance(one, Stream))
    assert text == f"before {SHOWN} after"


async def test_errors_are_masked() -> None:
    outbox = Outbox()
    outbox.mask.add(VALUE)
    outbox.put(Result(statement=0, at=0, status="error", evalue=VALUE, traceback=[f"x {VALUE}"]))
    assert VALUE not in str(UP.validate_json(await outbox.next()))


@pytest.mark.parametrize(
    "written",
    [
        lambda value: repr(value),
        lambda value: ascii(value),
        lambda value: json.dumps({"key": value}),
        lambda value: json.dumps(value, ensure_ascii=False),
        lambda value: f"<td>{html.escape(value)}</td>",
        lambda value: f"?key={quote(value, safe='')}",
    ],
)
def test_value_is_hidden_as_programs_quote_it(written: Callable[[str], str]) -> None:
    value = 's3\'cret\\ü & "more"'
    mask = Mask()
    mask.add(value)
    shown = mask.hide(written(value))
    assert "s3" not in shown
    assert SHOWN in shown
    assert mask.known == [value]
    assert "s3" not in repr(mask)


@pytest.mark.parametrize("between", ["stderr", "display"])
async def test_value_around_other_output_is_hidden(between: str) -> None:
    outbox = Outbox()
    outbox.mask.add("needle-1")
    output = StatementOutput(1, outbox, 1000)
    output.stream("stdout", "it is need")
    if between == "stderr":
        output.stream("stderr", "a warning")
    else:
        output.display({"text/plain": "a picture"}, {}, {})
    output.stream("stdout", "le-1.")
    output.flush()
    sent = [json.loads(await outbox.next()) for _ in range(outbox.last_seq)]
    text = "".join(one["text"] for one in sent if one.get("name") == "stdout")
    assert text == f"it is {SHOWN}."
    if between == "stderr":
        assert any(one.get("text") == "a warning" for one in sent)
