"""`input()` and `getpass()` ask whoever watches a statement's events; a plain client is told."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.integration.livy import Livy, temp_livy


@pytest.fixture(scope="module")
def livy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Livy]:
    with temp_livy(tmp_path_factory.mktemp("livy-input")) as server:
        yield server


@pytest.fixture(scope="module")
def session(livy: Livy) -> int:
    return livy.ready(driverMemory="1g", conf={"spark.master": "local[1]"})


def test_watcher_answers_what_a_statement_asks(livy: Livy, session: int) -> None:
    code = """
import getpass
name = input('Name? ')
word = getpass.getpass('Word? ')
(name, len(word))
"""
    number = livy.submit(session, code)
    address = f"/sessions/{session}/statements/{number}"
    asked = []
    answers = iter(["Ada Ö", "secret"])
    with livy.http.stream("GET", f"{address}/events", timeout=60) as events:
        kind = ""
        for line in events.iter_lines():
            if line.startswith("event: "):
                kind = line[7:]
            if line.startswith("data: ") and kind == "input_request":
                asked.append(json.loads(line[6:]))
                answer = livy.http.post(f"{address}/input", json={"value": next(answers)})
                assert answer.json() == {"msg": "given"}
    assert asked == [
        {"prompt": "Name? ", "password": False},
        {"prompt": "Word? ", "password": True},
    ]
    output = livy.done(session, number)["output"]
    assert output["data"]["text/plain"] == "('Ada Ö', 6)"
    again = livy.http.post(f"{address}/input", json={"value": "late"})
    assert (again.status_code, "does not ask" in again.json()["msg"]) == (409, True)


def test_plain_client_is_told_that_nobody_answers(livy: Livy, session: int) -> None:
    output = livy.run(session, "input('Name? ')")
    assert output["ename"] == "StdinNotImplementedError"
    assert "nobody watches its events" in output["evalue"]
    assert livy.run(session, "'goes on'")["data"] == {"text/plain": "'goes on'"}
    answer = livy.http.post(f"/sessions/{session}/statements/0/input", json={})
    assert answer.status_code == 400


def test_statement_that_asks_can_be_cancelled(livy: Livy, session: int) -> None:
    number = livy.submit(session, "input()")
    address = f"/sessions/{session}/statements/{number}"
    with livy.http.stream("GET", f"{address}/events", timeout=60) as events:
        for line in events.iter_lines():
            if line == "event: input_request":
                livy.http.post(f"{address}/cancel")
    assert livy.statement(session, number)["state"] == "cancelled"
