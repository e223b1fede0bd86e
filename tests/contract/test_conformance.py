"""Livy's protocol, request by request; against our server, or any other at `LIVY_URL`."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.contract.exchanges import (
    AFTER,
    BEFORE,
    CREATE,
    END,
    RUNS,
    STATEMENT,
    WHILE_STARTING,
    Answer,
    Exchange,
    Run,
    session,
)
from tests.contract.patterns import matches
from tests.integration.livy import Json, Livy

URL = os.environ.get("LIVY_URL", "")
READY = 180.0
DONE = ("available", "error", "cancelled")
NOT_SERVED = ("CannotStart", "InterpreterError")


class Conversation:
    """One client, with one session."""

    def __init__(self, http: httpx.Client) -> None:
        self.http = http
        self.session = ""

    def ask(self, exchange: Exchange) -> httpx.Response:
        end = time.monotonic() + exchange.patience
        while True:
            answer = self.send(exchange)
            found = fault(exchange.answer, answer)
            if found and URL and exchange.apache and not fault(exchange.apache, answer):
                found = ""
            if not found or time.monotonic() > end:
                break
        assert not found, f"{exchange.request} {exchange.body or ''}: {found}"
        return answer

    def send(self, exchange: Exchange) -> httpx.Response:
        method, _, path = exchange.request.partition(" ")
        kind = exchange.content_type
        return self.http.request(
            method,
            path.replace("{id}", self.session),
            content=exchange.body,
            headers={"accept": exchange.accept} | ({"content-type": kind} if kind else {}),
        )

    def ready(self) -> None:
        self.wait(f"/sessions/{self.session}", ("idle",), READY)

    def wait(self, path: str, states: tuple[str, ...], seconds: float) -> Json:
        end = time.monotonic() + seconds
        while True:
            found: Json = self.http.get(path).json()
            if found["state"] in states:
                return found
            assert time.monotonic() < end, f"not {states} within {seconds} s: {found}"
            time.sleep(0.05)


def fault(expected: Answer, answer: httpx.Response) -> str:
    """Say what is not as expected, if anything."""
    if answer.status_code != expected.status:
        return f"status {answer.status_code} instead of {expected.status}: {answer.text[:500]}"
    if expected.location and not re.search(expected.location, answer.headers.get("location", "")):
        return f"Location {answer.headers.get('location')!r} instead of /{expected.location}/"
    is_json = answer.headers.get("content-type", "").startswith("application/json")
    body = answer.json() if is_json and answer.content else answer.text
    if not matches(expected.body, body):
        return f"{body!r} instead of {expected.body!r}"
    return ""


@pytest.fixture(scope="module")
def talk(request: pytest.FixtureRequest) -> Iterator[Conversation]:
    token = os.environ.get("LIVY_TOKEN", "")
    base = URL
    if not base:
        server: Livy = request.getfixturevalue("server")
        base, token = server.url, server.token
    headers = {"X-Requested-By": "tests"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    with httpx.Client(base_url=base, headers=headers, timeout=70, trust_env=False) as http:
        yield Conversation(http)


@pytest.fixture(scope="module")
def begun(talk: Conversation) -> Conversation:
    """The conversation's session, which starts."""
    shown = talk.ask(CREATE).json()
    keys = list(session())
    assert list(shown)[: len(keys)] == keys
    talk.session = str(shown["id"])
    return talk


@pytest.fixture(scope="module")
def running(begun: Conversation) -> Conversation:
    """The conversation's session, which is idle."""
    begun.ready()
    return begun


def name_of(one: Exchange | Run) -> str:
    if isinstance(one, Run):
        return f"{one.kind or 'sql'}: {one.code[:40]}"
    return f"{one.request} {one.body or ''}".strip()


@pytest.mark.parametrize("exchange", BEFORE, ids=name_of)
def test_exchange_without_session(talk: Conversation, exchange: Exchange) -> None:
    answer = talk.ask(exchange)
    if exchange.request.startswith("POST /sessions") and answer.status_code == 201:
        assert talk.http.delete(f"/sessions/{answer.json()['id']}").status_code == 200


@pytest.mark.parametrize("exchange", WHILE_STARTING, ids=name_of)
def test_exchange_while_starting(begun: Conversation, exchange: Exchange) -> None:
    begun.ask(exchange)


@pytest.mark.parametrize("run", RUNS, ids=name_of)
def test_statement(running: Conversation, run: Run) -> None:
    address = f"/sessions/{running.session}/statements"
    body = {"code": run.code} | ({"kind": run.kind} if run.kind else {})
    answer = running.http.post(address, json=body)
    assert answer.status_code == 201, answer.text
    shown = answer.json()
    assert list(shown) == list(STATEMENT)
    fresh = {"code": run.code, "state": "waiting", "output": None, "progress": 0.0}
    assert {name: shown[name] for name in fresh} == fresh
    assert answer.headers["location"].endswith(f"{address}/{shown['id']}")
    found = running.wait(f"{address}/{shown['id']}", DONE, 90)
    assert matches(STATEMENT, found)
    # Code that fails is `available` too.
    assert (found["state"], found["progress"]) == ("available", 1.0)
    output = found["output"]
    if output["status"] == "error" and output["ename"] in NOT_SERVED:
        pytest.skip(output["evalue"])
    as_apache = bool(URL and run.apache) and matches(run.apache, output)
    assert matches(run.output, output) or as_apache, f"{output!r} instead of {run.output!r}"


@pytest.mark.parametrize("exchange", AFTER, ids=name_of)
def test_exchange_with_session(running: Conversation, exchange: Exchange) -> None:
    running.ready()
    running.ask(exchange)


@pytest.mark.parametrize("exchange", END, ids=name_of)
def test_exchange_at_the_end(running: Conversation, exchange: Exchange) -> None:
    running.ask(exchange)
