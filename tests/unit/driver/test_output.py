import asyncio
import json
from typing import Any

import pytest

from hopyard.driver import outbox as outbox_module
from hopyard.driver.interpreters.base import Outcome
from hopyard.driver.outbox import Outbox
from hopyard.driver.output import StatementOutput


async def messages(outbox: Outbox) -> list[dict[str, Any]]:
    found = []
    while True:
        try:
            found.append(json.loads(await asyncio.wait_for(outbox.next(), 0.1)))
        except TimeoutError:
            return found


async def test_the_first_piece_goes_at_once_and_the_rest_is_gathered() -> None:
    outbox = Outbox()
    output = StatementOutput(1, outbox, 1000)
    output.stream("stdout", "a")
    assert outbox.last_seq == 1
    for word in "bcdef":
        output.stream("stdout", word)
    assert outbox.last_seq == 1
    assert [m["text"] for m in await messages(outbox)] == ["a", "bcdef"]


async def test_the_order_of_streams_and_displays_is_kept() -> None:
    outbox = Outbox()
    output = StatementOutput(1, outbox, 1000)
    output.stream("stdout", "a")
    output.stream("stdout", "b")
    output.stream("stderr", "c")
    output.display({"text/plain": "d"}, {}, {})
    output.stream("stdout", "e")
    output.flush()
    found = [m.get("text") or m["data"]["text/plain"] for m in await messages(outbox)]
    assert "".join(found) == "abcde"


async def test_what_is_beyond_the_limit_is_cut_once() -> None:
    outbox = Outbox()
    output = StatementOutput(1, outbox, 10)
    for _ in range(100):
        output.stream("stdout", "0123456")
    output.display({"text/plain": "x"}, {}, {})
    text = "".join(m["text"] for m in await messages(outbox))
    assert text.startswith("0123456012\n[output cut here")
    assert text.count("cut here") == 1


async def test_a_result_that_is_too_large_is_told() -> None:
    output = StatementOutput(1, Outbox(), 10)
    fits = Outcome("ok", {"text/plain": "x"})
    assert output.result(fits) is fits
    for large in (
        Outcome("ok", {"text/plain": "x" * 100}),
        Outcome("ok", {"text/plain": "x"}, {"x": "y" * 100}),
    ):
        told = output.result(large)
        assert "left out" in told.data["text/plain"] and not told.metadata
    error = Outcome("error", ename="E", evalue="a" * 100 + "z", traceback=("b" * 100,))
    told = output.result(error)
    assert told.evalue == "a\n[cut here: 101 characters]\nz"
    assert told.ename == "E" and len(told.traceback[0]) < 40


async def test_output_is_left_out_when_home_is_away_too_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outbox_module, "HELD_AT_MOST", 1000)
    outbox = Outbox()
    output = StatementOutput(1, outbox, 10**9)
    for _ in range(100):
        output.stream("stdout", "x" * 500)
        output.flush()
    assert outbox.held < 3000
