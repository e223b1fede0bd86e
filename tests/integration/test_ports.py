"""What listens while a notebook of three languages runs, and what it says to a stranger."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from hopyard.launchers.sandbox import Sandbox
from tests.integration.livy import Livy, temp_livy

RUNNING = """
seen = []
cached = spark.range(100).cache()
rows = cached.count()
query = (
    spark.readStream.format("rate").load().writeStream
    .foreachBatch(lambda frame, number: seen.append(frame.count())).start()
)
total = spark.sparkContext.accumulator(0)
spark.sparkContext.range(5).foreach(lambda number: total.add(number))
"""
CALLED = """
import time
before, end = len(seen), time.monotonic() + 60
while len(seen) < before + 2 and time.monotonic() < end: time.sleep(0.05)
(len(seen) >= before + 2, total.value, cached.count())
"""
IN_SCALA = "val added = 20; sc.parallelize(1 to 2, 2).map(_ + added).collect()"  # loads classes
IN_R = "count(createDataFrame(data.frame(a = 1)))"
REFUSALS = {
    "http": r"HTTP/1\.\d 40[0-9] .*|!.*Unknown command received: GET.*",
    "java": r"!?.*[Aa]uthentication error.*",
    "python": r"!?.*[Aa]uthentication error.*",
    "spark": r".*SaslMessage.*",
    "r": r"\0\0\0\x03err",
    "zmq": r"",
}
"""The words in each protocol that say no; silence is one too, and HTTP's to what it is not."""
# ipykernel's port for what its forked children print: it takes only what begins with its secret.
ZMQ = "\xff\0\0\0\0\0\0\0\x01\x7f"


@pytest.fixture(scope="module")
def livy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Livy]:
    data = tmp_path_factory.mktemp("livy-ports")
    with temp_livy(data, HOPYARD_SPARK_MASTER="local[2]") as server:
        yield server


@pytest.fixture(scope="module")
def session(livy: Livy) -> int:
    """A session with a cached DataFrame and a stream that calls Python, used in three languages."""
    number = livy.ready()
    for kind, code in (("pyspark", RUNNING), ("spark", IN_SCALA), ("sparkr", IN_R)):
        answer = livy.done(number, livy.submit(number, code, kind=kind), 180)["output"]
        assert answer["status"] == "ok", answer
    return number


def listening(livy: Livy, session: int) -> tuple[set[int], set[str]]:
    """The ports and the Unix sockets of a session's processes."""
    ports, paths = set(), set()
    for process in livy.drivers(session):
        connections: list[Any] = []
        with contextlib.suppress(psutil.NoSuchProcess):  # Spark's Python workers come and go
            connections = process.net_connections("all")
        for found in connections:
            if found.family == socket.AF_UNIX:
                paths.add(str(found.laddr))
            elif found.status == "LISTEN" or found.type == socket.SOCK_DGRAM:
                assert found.laddr.ip.removeprefix("::ffff:") == "127.0.0.1", found
                ports.add(found.laddr.port)
    return ports, paths - {""}


def stranger(folder: Path, *words: str) -> str:
    """Run the stranger in a sandbox of another project; return what it prints."""
    shutil.copy(Path(__file__).with_name("stranger.py"), folder)
    command = Sandbox(writable={folder: "/project"}).wrap(
        [sys.executable, "-P", "/project/stranger.py", *words]
    )
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    return done.stdout


def test_every_port_of_a_session_refuses_a_stranger(
    livy: Livy, session: int, tmp_path: Path
) -> None:
    ports, paths = listening(livy, session)
    assert len(ports) >= 5
    answers = json.loads(stranger(tmp_path, *map(str, ports)))
    unknown = {
        (port, protocol): said
        for port, one in answers.items()
        for protocol, said in one.items()
        if not said.startswith(("HTTP/1.1 400", ZMQ))
        and not re.fullmatch(f"|{REFUSALS[protocol]}", said, re.S)
    }
    assert not unknown
    spark = [one["spark"] for one in answers.values() if "SaslMessage" in one["spark"]]
    assert len(spark) == 2, "the driver's port and that of its blocks ask for the secret"
    # Nothing of it ended what runs, and the stream goes on to be called.
    answer = livy.run(session, CALLED)
    assert answer["data"]["text/plain"] == "(True, 10, 100)", answer
    assert paths and all(path.startswith("/tmp/hopyard-") for path in paths), paths
    assert not any(Path(path).exists() for path in paths), "they are in the sandbox's own /tmp"
