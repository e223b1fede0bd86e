"""What clients read of a statement, from a driver's messages."""

from __future__ import annotations

from typing import Any

import pytest

from hopyard.livy.inbox import Batch
from hopyard.livy.records import Session, Statement
from hopyard.livy.requests import CreateSession
from hopyard.livy.views import statement_view
from hopyard.protocol.messages import Clear, Display, Ready, Result, Started, Stream, UpMessage
from hopyard.protocol.states import Kind, SessionState, StatementState
from hopyard.store.types import now

PICTURE = {"image/png": "aGk=", "text/plain": "<Figure>"}


def told(*messages: UpMessage, code: str = "code", limit: int = 1000) -> tuple[Session, Statement]:
    session = Session(1, "p", "u", CreateSession(kind=Kind.PYSPARK), now())
    session.state = SessionState.IDLE
    statement = Statement(1, 0, code, Kind.PYSPARK)
    session.live[0] = statement
    session.settle()
    batch = Batch(session, limit)
    for message in messages:
        batch.apply(message)
    return session, statement


def out(text: str) -> Stream:
    return Stream(statement=0, name="stdout", text=text)


def err(text: str) -> Stream:
    return Stream(statement=0, name="stderr", text=text)


def result(**fields: Any) -> Result:
    return Result(**{"statement": 0, "at": 5, "status": "ok", **fields})


@pytest.mark.parametrize(
    ("messages", "data"),
    [
        ([result(data={"text/plain": "2"})], {"text/plain": "2"}),
        ([out("a\n"), result(data={"text/plain": "2"})], {"text/plain": "a\n2"}),
        ([err("e\n"), out("a"), result()], {"text/plain": "a\ne"}),
        ([result()], {"text/plain": ""}),
        ([out('{"a":1}\n{"a":2}\n'), err("warning"), result()], {"text/plain": '{"a":1}\n{"a":2}'}),
        ([Display(statement=0, data=PICTURE), result()], {"image/png": "aGk="}),
        ([result(data={"application/json": {"x": 1}})], {"application/json": {"x": 1}}),
        (
            [out("a\n"), result(data={"text/html": "<b>", "text/plain": "b"})],
            {"text/plain": "a\nb"},
        ),
    ],
)
def test_ok_output(messages: list[UpMessage], data: dict[str, Any]) -> None:
    session, statement = told(Started(statement=0, at=1), *messages)
    view = statement_view(statement)
    assert view["output"] == {"status": "ok", "execution_count": 0, "data": data}
    assert (view["state"], view["progress"], session.state) == ("available", 1.0, "idle")


def test_result_that_says_when_it_began_tells_the_same_as_two_messages() -> None:
    _, short = told(result(began=1))
    _, long = told(Started(statement=0, at=1), result())
    assert short.events == long.events
    assert (short.started, short.completed) == (long.started, long.completed) == (1, 5)


def test_finished_statement_stays_until_the_table_has_it_whole() -> None:
    session, statement = told(out("x" * 200_000), result(), limit=10**6)
    session.trim([])
    assert session.recent[statement.id] is statement
    session.trim([statement.id])
    assert statement.id not in session.recent


def test_json_that_the_code_asks_for_is_free_of_warnings_also_when_it_is_empty() -> None:
    _, statement = told(err("Warning!"), result(), code="for x in spark.sql('').toJSON(): print(x)")
    assert statement_view(statement)["output"]["data"] == {"text/plain": ""}


def test_output_so_far() -> None:
    session, statement = told(Started(statement=0, at=1), out("a\n"))
    assert statement_view(statement)["output"]["data"] == {"text/plain": "a\n"}
    assert session.state is SessionState.BUSY


def test_failed_and_cancelled() -> None:
    failed = result(status="error", ename="E", evalue="v", traceback=["one", "two\n"])
    _, statement = told(Started(statement=0, at=1), out("a\n"), failed)
    assert statement_view(statement)["output"] == {
        "status": "error",
        "execution_count": 0,
        "ename": "E",
        "evalue": "v",
        "traceback": ["one\n", "two\n"],
        "data": {"text/plain": "a"},
    }
    _, statement = told(Started(statement=0, at=1), result(status="cancelled"))
    assert statement.state is StatementState.CANCELLED


def test_session_whose_last_statement_is_done_is_not_idle() -> None:
    session, statement = told(result(last=True))
    assert (statement.state, session.state) == (
        StatementState.AVAILABLE,
        SessionState.SHUTTING_DOWN,
    )
    session, _ = told(result())
    assert session.state is SessionState.IDLE


def test_late_message_changes_nothing() -> None:
    session, statement = told(Started(statement=0, at=1), result(data={"text/plain": "1"}))
    Batch(session, 1000).apply(result(data={"text/plain": "2"}))
    assert statement.output is not None
    assert statement.output["data"] == {"text/plain": "1"}


def test_output_beyond_the_limit_is_cut_with_a_marker() -> None:
    _, statement = told(*[out("x" * 500) for _ in range(100)], limit=1000)
    text = statement_view(statement)["output"]["data"]["text/plain"]
    assert "[output cut" in text
    assert len(text) < 2000


def test_ui_elsewhere_than_on_this_machine_is_not_kept() -> None:
    for address in ("http://10.0.0.1:4040", "file:///etc/passwd", "https://127.0.0.1", "http://[x"):
        session, _ = told(Ready(app_id="a", ui_url=address))
        assert session.ui_url is None
    session, _ = told(Ready(app_id="a", ui_url="http://127.0.0.1:4040"))
    assert session.ui_url == "http://127.0.0.1:4040"


def test_what_is_cleared_is_gone_and_there_is_room_again() -> None:
    clear = Clear(statement=0)
    _, statement = told(Started(statement=0, at=1), out("a" * 900), clear, out("b" * 900), result())
    assert statement_view(statement)["output"]["data"] == {"text/plain": "b" * 900}
    assert [kind for _, kind, _ in statement.events] == [
        "state",
        "clear_output",
        "stream",
        "result",
        "state",
    ]


def test_what_is_to_be_cleared_stays_until_something_else_comes() -> None:
    begun = (Started(statement=0, at=1), out("a\n"), Clear(statement=0, wait=True))
    _, statement = told(*begun)
    assert statement_view(statement)["output"]["data"] == {"text/plain": "a\n"}
    _, statement = told(*begun, Display(statement=0, data={"text/plain": "b"}), result())
    assert statement_view(statement)["output"]["data"] == {"text/plain": "b"}
    assert [number for number, _, _ in statement.events] == [1, 3, 4, 5, 6]
