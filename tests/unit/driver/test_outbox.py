import asyncio
import json

import pytest

from hopyard.driver.outbox import BEGIN_WAITS, Outbox
from hopyard.protocol.messages import UP, Answer, Display, Result, Started, Step, Stream


async def sent(outbox: Outbox, count: int) -> list[int]:
    return [json.loads(await outbox.next())["seq"] for _ in range(count)]


async def test_messages_are_numbered_and_sent_in_order() -> None:
    outbox = Outbox()
    for word in "abc":
        outbox.put(Step(text=word))
    assert await sent(outbox, 3) == [1, 2, 3]


async def test_a_new_connection_begins_with_what_is_not_acknowledged() -> None:
    outbox = Outbox()
    for word in "abc":
        outbox.put(Step(text=word))
    await sent(outbox, 2)
    outbox.acknowledge(1)
    outbox.rewind()
    assert await sent(outbox, 2) == [2, 3]


async def test_an_acknowledgement_while_sending_skips_nothing() -> None:
    outbox = Outbox()
    for word in "abc":
        outbox.put(Step(text=word))
    assert await sent(outbox, 1) == [1]
    outbox.acknowledge(1)
    assert await sent(outbox, 2) == [2, 3]
    outbox.acknowledge(3)
    assert outbox.held == 0
    await asyncio.wait_for(outbox.drained(), 1)


async def test_next_waits_for_news() -> None:
    outbox = Outbox()
    waiting = asyncio.create_task(sent(outbox, 1))
    await asyncio.sleep(0)
    outbox.put(Step(text="a"))
    assert await asyncio.wait_for(waiting, 1) == [1]


@pytest.mark.parametrize("text", ["\ud800 alone", "plain"])
async def test_what_utf8_cannot_say_is_replaced(text: str) -> None:
    outbox = Outbox()
    outbox.put(Result(statement=1, at=1, status="ok", data={"text/plain": text}))
    message = json.loads(await outbox.next())
    assert message["data"]["text/plain"].endswith(text[-5:])


async def test_a_message_that_home_would_not_take_is_replaced() -> None:
    outbox = Outbox(largest=10_000)
    long = "\x01" * 9_000
    outbox.put(Result(statement=1, at=1, status="ok", data={"text/plain": long}))
    outbox.put(Display(statement=1, data={}, metadata={"x": long}))
    outbox.put(Answer(request="r", content={"data": long}))
    outbox.put(Step(text="ä" * 9_000))
    result, shown, answer, step = [UP.validate_json(await outbox.next()) for _ in range(4)]
    assert isinstance(result, Result) and (result.status, result.ename) == ("error", "TooLarge")
    assert isinstance(shown, Stream) and "too large" in shown.text
    assert isinstance(answer, Answer) and answer.content["status"] == "error"
    assert [result.seq, shown.seq, answer.seq, step.seq] == [1, 2, 3, 4]


async def test_a_short_statement_says_all_at_once() -> None:
    outbox = Outbox()
    outbox.begin(Started(statement=1, at=5))
    outbox.put(Step(text="of something else"))
    outbox.put(Result(statement=1, at=6, status="ok"))
    said = [json.loads(await outbox.next()) for _ in range(2)]
    assert [(one["type"], one.get("began")) for one in said] == [("step", None), ("result", 5)]
    await asyncio.sleep(2 * BEGIN_WAITS)
    assert outbox.last_seq == 2


@pytest.mark.parametrize("shows", [True, False])
async def test_a_statement_that_runs_is_said_to(shows: bool) -> None:
    outbox = Outbox()
    outbox.begin(Started(statement=1, at=5))
    if shows:
        outbox.put(Stream(statement=1, name="stdout", text="a"))
    assert json.loads(await asyncio.wait_for(outbox.next(), 1))["type"] == "started"
    outbox.put(Result(statement=1, at=6, status="ok"))
    said = [json.loads(await outbox.next()) for _ in range(1 + shows)]
    assert said[-1]["began"] is None
