"""The Livy server and its drivers are killed at bad moments; nothing is lost, nothing is left."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from hopyard.livy.access import STANDALONE
from tests.integration.livy import Livy, temp_livy, until

COUNTS = """
import os, time
for i in range(25):
    while i == 15 and not os.path.exists("gate"):
        time.sleep(0.05)
    print(i, flush=True)
    time.sleep(0.1)
x + 1
"""


@pytest.fixture(scope="module")
def livy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Livy]:
    with temp_livy(tmp_path_factory.mktemp("livy-faults")) as server:
        yield server


def test_killed_server_finds_its_session_again(livy: Livy) -> None:
    session = livy.create()
    # Accepted while the session starts.
    first = livy.submit(session, "x = 41")
    livy.done(session, first, 120)
    gate = livy.data / "projects" / STANDALONE / "Jupyter" / "gate"  # however long a start takes
    running, waiting = livy.submit(session, COUNTS), livy.submit(session, "x + 2")
    until(lambda: livy.statement(session, running)["output"], 20, "it runs")
    livy.kill()
    livy.start()
    assert livy.session(session)["state"] in ("recovering", "busy")
    gate.touch()
    expected = "".join(f"{i}\n" for i in range(25)) + "42"
    assert livy.done(session, running)["output"]["data"] == {"text/plain": expected}
    assert livy.done(session, waiting)["output"]["data"] == {"text/plain": "43"}
    assert livy.statement(session, first)["state"] == "available"
    livy.http.delete(f"/sessions/{session}")


def test_session_finds_its_server_at_another_port(livy: Livy) -> None:
    session = livy.ready()
    assert livy.run(session, "rows = spark.range(3)")["status"] == "ok"
    livy.kill()
    with socket.create_server(("127.0.0.1", livy.port)):  # who takes it listens, and says nothing
        livy.launch()
        assert livy.process.wait(timeout=30) != 0
        said = " ".join((livy.data / "livy.log").read_text().split())
        assert f"Port {livy.port} of 127.0.0.1 is taken by another program" in said
        livy.move()
        livy.start()
        number = livy.submit(session, "rows")
        assert livy.done(session, number)["output"]["status"] == "ok"
        # Rows are sent by a request of their own.
        answer = livy.http.get(f"/sessions/{session}/statements/{number}/arrow")
        assert answer.status_code == 200, answer.text
    livy.http.delete(f"/sessions/{session}")


def test_ids_go_on_after_a_kill(livy: Livy) -> None:
    first = livy.create()
    livy.http.delete(f"/sessions/{first}")
    livy.kill()
    livy.start()
    second = livy.create()
    assert second > first
    livy.http.delete(f"/sessions/{second}")
    until(lambda: not livy.drivers(first) and not livy.drivers(second), 90, "both are gone")


def test_killed_driver_is_dead_with_a_reason(livy: Livy) -> None:
    session = livy.ready()
    statement = livy.submit(session, "import time; time.sleep(60)")
    until(lambda: livy.statement(session, statement)["state"] == "running", 20, "it runs")
    processes = livy.drivers(session)
    agent = next(one for one in processes if one.cmdline()[-2:] == ["-m", "hopyard.driver"])
    # The words come after those of bubblewrap itself, whose command contains them too.
    inner = [one for one in processes if one.name() != "bwrap" and one.parent() in processes]
    agent = min(inner, key=lambda one: one.create_time(), default=agent)
    agent.send_signal(signal.SIGKILL)
    until(lambda: livy.session(session)["state"] == "dead", 20, "the session is dead")
    shown = livy.session(session)
    assert "SIGKILL" in shown["log"][-1]
    assert "SIGKILL" in livy.log(session)
    broken = livy.statement(session, statement)
    assert broken["state"] == "error"
    assert "SIGKILL" in broken["output"]["evalue"]
    answer = livy.http.post(f"/sessions/{session}/statements", json={"code": "1"})
    assert answer.status_code == 409
    until(lambda: not any(one.is_running() for one in processes), 30, "nothing is left")
    assert not (livy.data / "run" / "drivers" / str(session)).exists()


def test_session_whose_code_stopped_spark_is_dead(livy: Livy) -> None:
    session = livy.ready()
    stops, waits = livy.submit(session, "spark.stop()\n'done'"), livy.submit(session, "1")
    assert livy.done(session, stops)["output"]["data"] == {"text/plain": "'done'"}
    assert livy.session(session)["state"] in ("shutting_down", "dead")
    until(lambda: livy.session(session)["state"] == "dead", 20, "the session is dead")
    why = "stopped by the code itself (spark.stop())"
    assert why in livy.session(session)["log"][-1]
    assert why in livy.statement(session, waits)["output"]["evalue"]


@pytest.mark.parametrize("own_folder", [False, True])
def test_second_server_is_refused(livy: Livy, tmp_path: Path, own_folder: bool) -> None:
    command = [sys.executable, "-m", "hopyard.cli", "livy", "--port", str(livy.port)]
    folder = tmp_path if own_folder else livy.data
    database = f"sqlite+aiosqlite:///{livy.data}/hopyard.sqlite"
    again = subprocess.run(
        command,
        env={
            "HOPYARD_DATA_DIR": str(folder),
            "HOPYARD_DATABASE_URL": database,
            "PATH": "/usr/bin:/bin",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert again.returncode != 0
    said = " ".join((again.stderr + again.stdout).split())
    assert ("Another Livy server uses this database" if own_folder else "server runs with") in said


def test_stopped_server_leaves_no_driver(livy: Livy) -> None:
    session = livy.create()
    until(lambda: livy.drivers(session), 20, "the driver runs")
    processes = livy.drivers(session)
    livy.process.send_signal(signal.SIGTERM)
    livy.process.wait(timeout=40)
    _, alive = psutil.wait_procs(processes, timeout=10)
    assert not alive
    livy.start()
    assert livy.session(session)["state"] == "killed"
