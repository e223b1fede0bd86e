"""A bad network between drivers and the Livy server: nothing is lost, the state is the truth."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from tests.integration.livy import Livy, until
from tests.integration.wire import Wire, wire_to

LINES = 40
COUNT = """\
import time
for number in range({lines}): print(number, flush=True); time.sleep({pause})
'counted'
"""
COUNTED = "".join(f"{number}\n" for number in range(LINES)) + "'counted'"


@pytest.fixture(scope="module")
def livy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Livy]:
    server = Livy(tmp_path_factory.mktemp("livy-network"))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def wire(livy: Livy) -> Iterator[Wire]:
    with wire_to(livy.port) as wire:
        livy.settings["HOPYARD_LIVY__DRIVER_URL"] = f"ws://127.0.0.1:{wire.port}/"
        livy.start()
        yield wire


@pytest.fixture(scope="module")
def session(livy: Livy, wire: Wire) -> int:
    return livy.ready()


@pytest.fixture(autouse=True)
def _mended(wire: Wire) -> Iterator[None]:
    yield
    wire.closed, wire.delay = False, 0.0


def count(livy: Livy, session: int, pause: float) -> int:
    number = livy.submit(session, COUNT.format(lines=LINES, pause=pause))
    until(lambda: livy.statement(session, number)["output"], 30, "output while it runs")
    return number


def test_cut_connections_lose_nothing(livy: Livy, wire: Wire, session: int) -> None:
    before = wire.dialled
    number, pause = count(livy, session, 0.05), threading.Event()
    for cut in range(6):
        wire.delay = 0.05 if cut % 2 else 0.0
        wire.cut()
        pause.wait(0.3)
    assert livy.done(session, number)["output"]["data"] == {"text/plain": COUNTED}
    text = livy.http.get(f"/sessions/{session}/statements/{number}/events").text
    numbers = [int(line[4:]) for line in text.splitlines() if line.startswith("id: ")]
    assert numbers == list(range(1, len(numbers) + 1))
    assert wire.dialled > before
    assert "livy_driver_reconnects_total 0.0" not in livy.http.get("/metrics").text


def test_connection_that_only_looks_open_is_found_out(livy: Livy, wire: Wire, session: int) -> None:
    number, before = count(livy, session, 0.05), wire.dialled
    wire.freeze()
    until(lambda: wire.dialled > before, 60, "the driver dials again")
    assert livy.done(session, number)["output"]["data"] == {"text/plain": COUNTED}


def test_lost_driver_is_recovering_until_it_is_back(livy: Livy, wire: Wire, session: int) -> None:
    file = livy.data / "projects" / "standalone" / "Jupyter" / "waiting.txt"
    running = count(livy, session, 0.3)
    waiting = livy.submit(session, f"file = open('{file.name}', 'w')")
    wire.closed = True
    wire.cut()
    until(lambda: livy.session(session)["state"] == "recovering", 30, "it is shown as recovering")
    assert "No connection to the driver" in livy.session(session)["log"][-1]
    later = livy.submit(session, "'later'")  # accepted all the same
    livy.http.post(f"/sessions/{session}/statements/{waiting}/cancel")
    wire.closed = False
    assert livy.done(session, running)["output"]["data"] == {"text/plain": COUNTED}
    assert livy.done(session, later)["output"]["data"] == {"text/plain": "'later'"}
    assert livy.session(session)["state"] == "idle"
    assert livy.statement(session, waiting)["state"] == "cancelled"
    assert not file.exists()
