"""The Livy server is killed again and again, at random moments, while sessions work.

`make soak` kills it 50 times under four sessions; a short form runs with all tests. The seed is
printed; HOPYARD_SOAK_SEED repeats a run (as far as chance is ours).
"""

from __future__ import annotations

import os
import random
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.integration.livy import Json, Livy, temp_livy, until

SOAK = bool(os.environ.get("HOPYARD_SOAK"))
KILLS, SESSIONS, CREATIONS = (50, 4, 10) if SOAK else (5, 3, 2)
SEED = int(os.environ.get("HOPYARD_SOAK_SEED") or random.SystemRandom().randrange(10**6))
AGAIN = 0.1
PATIENCE = 180.0
CODE = """\
# {mark}
import time
with open("{file}", "a") as file:
    print("{mark}", file=file)
for number in range({lines}):
    print("{mark}", number)
    time.sleep({pause})
"{mark} done"
"""


@pytest.fixture(scope="module")
def chance() -> random.Random:
    print(f"HOPYARD_SOAK_SEED={SEED}")
    return random.Random(SEED)


@pytest.fixture(scope="module")
def livy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Livy]:
    data = tmp_path_factory.mktemp("kills")
    with temp_livy(data) as server:
        yield server
    until(lambda: not named(data), 60, "no process is left")


def named(data: Path) -> list[psutil.Process]:
    """All processes whose command or environment names a data directory, and all below them."""
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        try:
            words = " ".join([*process.cmdline(), *process.environ().values()])
            if str(data) in words:
                found += [process, *process.children(recursive=True)]
        except psutil.Error:
            continue
    own = os.getpid()
    return [one for one in found if one.pid != own and one.is_running()]


@dataclass
class Client:
    """A client that asks again when the server is gone: its POSTs with the same key."""

    livy: Livy
    name: str
    chance: random.Random
    marks: dict[int, tuple[str, int]] = field(default_factory=dict)
    """By statement: its mark and its number of lines."""
    session: int = -1
    abandon: threading.Event = field(default_factory=threading.Event)
    """Set when the test has failed: nobody waits for a server that does not come."""

    def __post_init__(self) -> None:
        self._http = httpx.Client(base_url=self.livy.url, trust_env=False, timeout=30)

    def _rest(self) -> None:
        if self.abandon.wait(AGAIN):
            raise RuntimeError("the test has failed elsewhere")

    def patient(self, ask: Callable[[], httpx.Response]) -> Json:
        """Ask until there is an answer that is not of a server which goes or comes."""

        def answer() -> Any:
            try:
                response = ask()
                if response.status_code < 500:
                    assert response.status_code == 200, response.text
                    return response.json()
            except httpx.HTTPError:
                pass
            self._rest()
            return None

        found: Json = until(answer, PATIENCE, "an answer")
        return found

    def get(self, path: str, **params: Any) -> Json:
        return self.patient(lambda: self._http.get(f"/sessions/{path}", params=params))

    def post(self, path: str, body: Json) -> int:
        """Have something made, once; return its number."""
        headers = {"Idempotency-Key": uuid.uuid4().hex}

        def taken() -> Any:
            try:
                response = self._http.post(path, json=body, headers=headers)
                if response.status_code < 500:
                    assert response.status_code == 201, response.text
                    return response
            except httpx.HTTPError:
                pass
            self._rest()
            return None

        return int(until(taken, PATIENCE, "it is taken").json()["id"])

    def create(self, share: str | None = None) -> int:
        body: Json = {"kind": "pyspark", "name": self.name}
        if share:
            body["conf"] = {"hopyard.session.share": share}
        self.session = self.post("/sessions", body)
        return self.session

    def submit(self) -> None:
        mark = f"{self.name}-{len(self.marks)}"
        lines = self.chance.randrange(1, 40)
        code = CODE.format(
            mark=mark, file=f"{self.name}.txt", lines=lines, pause=self.chance.uniform(0, 0.03)
        )
        number = self.post(f"/sessions/{self.session}/statements", {"code": code})
        self.marks[number] = (mark, lines)

    def finish(self, number: int) -> Json:
        def over() -> Any:
            found = self.get(f"{self.session}/statements/{number}", wait=1)
            return found if found["state"] not in ("waiting", "running") else None

        found: Json = until(over, PATIENCE, "the statement is done")
        return found

    def work(self, stop: threading.Event) -> None:
        """Send statements, three at a time, and look at what comes back."""
        while not stop.is_set():
            first = len(self.marks)
            for _ in range(3):
                self.submit()
            for number in sorted(self.marks)[first:]:
                self.check(number, self.finish(number))

    def check(self, number: int, found: Json) -> None:
        mark, lines = self.marks[number]
        printed = "".join(f"{mark} {line}\n" for line in range(lines))
        assert found["state"] == "available", found
        assert found["output"]["data"] == {"text/plain": f"{printed}'{mark} done'"}
        events = self._events(number)
        assert [key for key, _, _ in events] == list(range(1, len(events) + 1))
        text = "".join(data["text"] for _, kind, data in events if kind == "stream")
        assert text == printed
        assert [kind for _, kind, _ in events if kind == "result"] == ["result"]

    def _events(self, number: int) -> list[tuple[int, str, Json]]:
        import json

        path = f"/sessions/{self.session}/statements/{number}/events"

        def whole() -> Any:
            try:
                response = self._http.get(path)
                if response.status_code == 200:
                    return response.text
            except httpx.HTTPError:
                pass
            self._rest()
            return None

        frames = [part.splitlines() for part in until(whole, PATIENCE, "events").split("\n\n")]
        return [
            (int(frame[0][4:]), frame[1][7:], json.loads(frame[2][6:]))
            for frame in frames
            if len(frame) == 3
        ]


def test_kills_lose_nothing_and_repeat_nothing(livy: Livy, chance: random.Random) -> None:
    clients = [
        Client(livy, f"worker{number}", random.Random(chance.random()))
        for number in range(SESSIONS)
    ]
    for number, client in enumerate(clients):
        client.create("pair" if number < 2 else None)  # two of them in one driver
    for client in clients:
        livy.ready_again(client.session)
    seen = {one for client in clients for one in livy.drivers(client.session)}
    stop, pause = threading.Event(), threading.Event()
    with ThreadPoolExecutor(SESSIONS) as pool:
        running = [pool.submit(client.work, stop) for client in clients]
        try:
            for kill in range(KILLS):
                pause.wait(chance.uniform(0, 2.5))
                livy.kill()
                if kill % 5 == 4:  # also while it comes up
                    livy.launch()
                    pause.wait(chance.uniform(0, 2.5))
                    livy.kill()
                pause.wait(chance.uniform(0, 0.5))
                livy.start()
                for one in running:
                    assert not one.done(), one.exception()
        except BaseException:
            for client in clients:
                client.abandon.set()
            raise
        finally:
            stop.set()
        for one in running:
            one.result(PATIENCE)

    for client in clients:
        listed = client.get(f"{client.session}/statements")
        numbers = sorted(client.marks)
        assert numbers == list(range(len(numbers)))
        assert listed["total_statements"] == len(numbers)
        assert {one["state"] for one in listed["statements"]} == {"available"}
        file = livy.data / "projects" / "standalone" / "Jupyter" / f"{client.name}.txt"
        assert file.read_text().splitlines() == [client.marks[one][0] for one in numbers]
        assert client.get(str(client.session), wait=0)["state"] == "idle"
        livy.http.delete(f"/sessions/{client.session}")
    until(lambda: not any(one.is_running() for one in seen), 60, "the drivers are gone")
    until(lambda: not livy.http.get("/sessions").json()["sessions"], 10, "no session is left")


def test_kill_while_a_session_is_made(livy: Livy, chance: random.Random) -> None:
    pause = threading.Event()
    seen: set[psutil.Process] = set()
    with ThreadPoolExecutor(1) as pool:
        for number in range(CREATIONS):
            client = Client(livy, f"made{number}", random.Random(0))
            making = pool.submit(client.create)
            pause.wait(chance.uniform(0, 0.12))
            livy.kill()
            seen |= set(named(livy.data))
            livy.start()
            session = making.result(PATIENCE)
            listed = livy.http.get("/sessions").json()["sessions"]
            assert [one["id"] for one in listed if one["name"] == client.name] == [session]
            if number == 0:  # it is a whole session
                livy.ready_again(session)
                assert livy.run(session, "6 * 7")["data"] == {"text/plain": "42"}
            seen |= set(livy.drivers(session))
            assert livy.http.delete(f"/sessions/{session}").status_code == 200
    seen -= {one for one in seen if one.pid == livy.process.pid}
    until(lambda: not any(one.is_running() for one in seen), 60, "no driver is left")
    until(lambda: not list((livy.data / "run" / "drivers").iterdir()), 60, "no folder is left")


def test_kill_while_a_session_joins(livy: Livy, chance: random.Random) -> None:
    pause = threading.Event()
    first = Client(livy, "first", random.Random(0))
    first.create("team")
    livy.ready_again(first.session)
    application = livy.session(first.session)["appId"]
    with ThreadPoolExecutor(1) as pool:
        for number in range(CREATIONS):
            client = Client(livy, f"joins{number}", random.Random(0))
            making = pool.submit(client.create, "team")
            pause.wait(chance.uniform(0, 0.12 if number % 2 else 1.5))
            livy.kill()
            livy.start()
            session = livy.ready_again(making.result(PATIENCE))
            assert livy.session(session)["appId"] == application
            assert livy.run(session, "6 * 7")["data"] == {"text/plain": "42"}
            assert livy.http.delete(f"/sessions/{session}").status_code == 200
    assert livy.run(first.session, "spark.range(3).count()")["data"] == {"text/plain": "3"}
    seen = livy.drivers(first.session)
    assert livy.http.delete(f"/sessions/{first.session}").status_code == 200
    until(lambda: not any(one.is_running() for one in seen), 60, "no driver is left")
