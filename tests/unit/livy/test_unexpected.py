"""A driver says what nobody expects: its statement ends, the session goes on, nothing comes again.

The server is real, with its tables; the driver is this test.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from websockets.sync.client import ClientConnection, connect

from hopyard.launchers.base import Order, Process
from hopyard.livy.app import create_app
from hopyard.livy.late import Late
from hopyard.livy.records import Session
from hopyard.protocol.messages import DriverConfig
from hopyard.settings import Settings
from hopyard.store.engine import migrate
from tests.integration.livy import until
from tests.unit.livy.served import IdleLauncher

Json = dict[str, Any]
SHOW = {"type": "display", "data": {"text/plain": "shown"}}


class Launcher(IdleLauncher):
    """Keeps the secret that the driver would be given."""

    secret = ""

    async def start(self, order: Order) -> Process:
        assert isinstance(order.config, DriverConfig)
        self.secret = order.config.secret
        return await super().start(order)


class Driver:
    """Speaks as a driver, in any form."""

    def __init__(self, http: httpx.Client, launcher: Launcher) -> None:
        self.http = http
        self._launcher = launcher
        self.session: Session
        self.seq = 0

    def connect(self) -> ClientConnection:
        headers = {"Authorization": f"Bearer {self._launcher.secret}"}
        address = f"ws://127.0.0.1:{self.http.base_url.port}/livy/drivers/1"
        return connect(address, additional_headers=headers, proxy=None)

    def hello(self, wire: ClientConnection) -> int:
        wire.send(json.dumps({"type": "hello", "pid": 1, "last_seq": self.seq}))
        return int(json.loads(wire.recv(20))["acked"])

    def say(self, wire: ClientConnection, message: Json | str, **more: Any) -> None:
        self.seq += 1
        text = message if isinstance(message, str) else json.dumps(message | more)
        wire.send(text.replace('"type"', f'"seq": {self.seq}, "type"', 1))

    def acked(self, wire: ClientConnection) -> None:
        """Wait until all that was said is written down."""
        while (message := json.loads(wire.recv(20))).get("seq", 0) < self.seq or message[
            "type"
        ] != "ack":
            pass

    def submit(self, wire: ClientConnection) -> int:
        number = int(self.http.post("/sessions/1/statements", json={"code": "1"}).json()["id"])
        self.say(wire, {"type": "started", "statement": number, "at": 1_700_000_000_000})
        return number

    def end(self, wire: ClientConnection, number: int) -> Json:
        result = {"type": "result", "statement": number, "at": 1_700_000_000_001, "status": "ok"}
        self.say(wire, result)
        self.acked(wire)
        found: Json = self.http.get(f"/sessions/1/statements/{number}?wait=0").json()
        return found


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    folder = tmp_path_factory.mktemp("unexpected")
    settings = Settings(data_dir=folder, isolation="none")
    migrate(settings.database)
    launcher = Launcher()
    app = create_app(settings, None, launcher=launcher)
    with listening(app) as http:
        assert http.post("/sessions", json={"kind": "pyspark"}).status_code == 201
        found = Driver(http, launcher)
        until(lambda: launcher.secret, 20, "a driver is started")
        found.session = app.state.services.sessions.of_driver(1)
        with found.connect() as wire:
            found.hello(wire)
            found.say(wire, {"type": "ready", "app_id": "local-1"})
            found.acked(wire)
        yield found


@contextmanager
def listening(app: FastAPI) -> Iterator[httpx.Client]:
    """Serve an application on a port of this machine."""
    config = uvicorn.Config(app, log_config=None, ws_max_size=100_000_000)
    with socket.create_server(("127.0.0.1", 0)) as door:
        server = uvicorn.Server(config)
        thread = Thread(target=server.run, kwargs={"sockets": [door]})
        thread.start()
        address = f"http://127.0.0.1:{door.getsockname()[1]}"
        with httpx.Client(base_url=address, trust_env=False, timeout=30) as http:
            yield http
        server.should_exit = True
        thread.join(30)


DEEP = "[" * 250 + "]" * 250
MESSAGES: list[str] = [
    '{"type": "display", "statement": %d, "data": 7}',
    '{"type": "display", "statement": %d, "data": {"text/plain": ' + DEEP + "}}",
    '{"type": "stream", "statement": %d, "name": "other", "text": "x"}',
    '{"type": "stream", "statement": %d, "name": "stdout", "text": "\\ud800"}',
    '{"type": "progress", "statement": %d, "fraction": "x"}',
    '{"type": "unheard of", "statement": %d}',
    '{"type": "input_request", "statement": %d}',
]
ENDS: list[str] = [
    '{"type": "result", "statement": %d, "at": 1, "status": "fine"}',
    '{"type": "result", "statement": %d, "at": 1, "status": "ok", "data": {"x": ' + DEEP + "}}",
    '{"type": "result", "statement": %d, "at": 1, "status": "ok", "data": {"x": "\\udfff"}}',
    '{"type": "result", "statement": %d, "at": 1' + "0" * 30 + ', "status": "ok"}',
    '{"type": "result", "statement": %d, "at": 1' + "0" * 5000 + ', "status": "ok"}',
]
WHOLE: list[Any] = [7, None, True, ["a", "b"], [1], {"a": 1}, 1.5, 10**30, "\0\ufdd0"]


@pytest.mark.parametrize("message", MESSAGES, ids=range(len(MESSAGES)))
def test_message_that_is_not_understood_is_an_error_of_its_statement(
    driver: Driver, message: str
) -> None:
    with driver.connect() as wire:
        assert driver.hello(wire) == driver.seq
        number = driver.submit(wire)
        driver.say(wire, message % number)
        found = driver.end(wire, number)
        assert found["state"] == "available"
        assert found["output"]["ename"] == "CannotShow", found["output"]
        goes_on(driver, wire)


@pytest.mark.parametrize("message", ENDS, ids=range(len(ENDS)))
def test_end_that_cannot_be_taken_ends_the_statement_all_the_same(
    driver: Driver, message: str
) -> None:
    with driver.connect() as wire:
        assert driver.hello(wire) == driver.seq
        number = driver.submit(wire)
        driver.say(wire, message % number)
        driver.acked(wire)
        found = driver.http.get(f"/sessions/1/statements/{number}?wait=5").json()
        assert found["state"] == "available"
        assert found["output"]["ename"] == "CannotShow", found["output"]
        goes_on(driver, wire)


@pytest.mark.parametrize("value", WHOLE, ids=repr)
@pytest.mark.parametrize("mime", ["text/plain", "text/html", "image/png", "application/json"])
def test_value_of_any_form_is_kept(driver: Driver, mime: str, value: Any) -> None:
    with driver.connect() as wire:
        assert driver.hello(wire) == driver.seq
        number = driver.submit(wire)
        driver.say(wire, {"type": "display", "statement": number, "data": {mime: value}})
        result = {"type": "result", "statement": number, "at": 1, "status": "ok"}
        driver.say(wire, result | {"data": {mime: value}, "metadata": {mime: value}})
        driver.acked(wire)
        place = f"/sessions/1/statements/{number}"
        assert driver.http.get(f"{place}?wait=5").json()["output"]["status"] == "ok"
        assert driver.http.get(f"{place}/events").status_code == 200
        assert driver.http.get(f"{place}/text").status_code == 200
        goes_on(driver, wire)


def test_frame_that_is_no_message_ends_what_runs(driver: Driver) -> None:
    with driver.connect() as wire:
        assert driver.hello(wire) == driver.seq
        number = driver.submit(wire)
        driver.seq += 1
        wire.send("[" * 5000)
        driver.acked(wire)
        found = driver.http.get(f"/sessions/1/statements/{number}?wait=5").json()
        assert found["output"]["ename"] == "CannotShow"
        goes_on(driver, wire)


@pytest.mark.parametrize("forgotten", [False, True])
def test_what_comes_after_a_statements_end_is_told_and_kept(
    driver: Driver, forgotten: bool
) -> None:
    place = "/sessions/1/statements"
    with driver.connect() as wire:
        driver.hello(wire)
        number = driver.submit(wire)
        ended = driver.end(wire, number)
        if forgotten:  # as by a server that was started since
            driver.session.late = Late()
            driver.session.recent.clear()
        with driver.http.stream("GET", "/sessions/1/late") as told:
            shows = {"statement": number, "name": "stdout"}
            driver.say(wire, {"type": "stream"}, **shows, text="late\n")
            driver.say(wire, {"type": "display", "data": {"text/plain": "d"}}, statement=number)
            driver.say(wire, {"type": "progress", "fraction": 1}, statement=number)
            driver.acked(wire)
            lines = told.iter_lines()
            first = [next(lines) for _ in range(3)]
        assert first[1:2] == ["event: stream"]
        payload = {"name": "stdout", "text": "late\n", "late": True, "statement": number}
        assert json.loads(first[2].removeprefix("data: ")) == payload
        head = {"Last-Event-ID": str(int(first[0].removeprefix("id: ")))}
        with driver.http.stream("GET", "/sessions/1/late", headers=head) as told:
            assert next(iter(told.iter_lines())) == f"id: {driver.session.late.number}"
        assert driver.http.get(f"{place}/{number}").json() == ended
        assert driver.http.get(f"{place}/{number}/text").text == "late\nd\n"
        events = driver.http.get(f"{place}/{number}/events").text
        assert events.count("event: ") == 5  # two states, result, and what came late
        goes_on(driver, wire)


def goes_on(driver: Driver, wire: ClientConnection) -> None:
    """The session runs statements, and what was said is not asked for again."""
    number = driver.submit(wire)
    driver.say(wire, SHOW, statement=number)
    assert driver.end(wire, number)["output"]["data"] == {"text/plain": "shown"}
    assert driver.http.get("/sessions/1/state").json()["state"] == "idle"
