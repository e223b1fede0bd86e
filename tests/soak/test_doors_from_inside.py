"""Each door of the sandbox is tried from a session, and each limit reached.

`make soak` does it from the code of each language; with all tests Python does.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hopyard.launchers import cgroups, sandbox
from tests.integration.livy import Livy, temp_livy, until

SOAK = bool(os.environ.get("HOPYARD_SOAK"))
LANGUAGES = ("pyspark", "spark", "sparkr") if SOAK else ("pyspark",)
BATTERY = f"{sys.executable} -P -m hopyard.launchers.battery"
MB = 2**20


@pytest.fixture(scope="module")
def livy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Livy]:
    limits = {"HOPYARD_LIMITS__DRIVER_EXTRA": "1024", "HOPYARD_LIMITS__LOG": "4"}
    limits["HOPYARD_LIMITS__TMP"] = "64"
    with temp_livy(tmp_path_factory.mktemp("doors"), **limits) as server:
        yield server


@pytest.fixture(scope="module")
def session(livy: Livy) -> int:
    return livy.ready(driverMemory="512m")


def asked(livy: Livy) -> str:
    """What the battery is told, in quotes of a shell."""
    hidden = [str(livy.data), str(livy.data / "hopyard.sqlite"), str(Path.cwd() / "tests")]
    return json.dumps({"hidden": hidden, "namespaces": sandbox.namespaces()})


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_door_is_shut(livy: Livy, session: int, language: str) -> None:
    told = asked(livy)
    command = f"{BATTERY} {told!r}"
    code = {
        "pyspark": f"import subprocess\nprint(subprocess.getoutput({command!r}))",
        "spark": f"import scala.sys.process._\nprintln(Seq({_scala(told)}).!!)",
        "sparkr": f"cat(system2('{sys.executable}', c('-P', '-m', 'hopyard.launchers.battery', "
        f"shQuote('{told}')), stdout = TRUE))",
    }[language]
    output = livy.done(session, livy.submit(session, code, kind=language), 120)["output"]
    assert output["status"] == "ok", output
    # Scala shows its imports too.
    said = next(line for line in output["data"]["text/plain"].splitlines() if line[:1] == "[")
    assert json.loads(said) == [], output


def _scala(told: str) -> str:
    words = [*BATTERY.split(), told]
    return ", ".join(json.dumps(word) for word in words)


def test_tmp_is_full_and_the_disk_is_not(livy: Livy, session: int) -> None:
    code = """
import os
def fill(folder):
    name, size = f"{folder}/filled", 0
    try:
        with open(name, "wb") as file:
            while size < 500:
                file.write(bytes(2**20)); file.flush(); size += 1
    except OSError as error:
        print(folder, size, error.strerror)
    finally:
        os.path.exists(name) and os.unlink(name)
for folder in "/tmp", "/dev/shm", "/run", "/", "/dev", "/var":
    fill(folder)
"""
    said = str(livy.run(session, code)["data"]["text/plain"])
    sizes = {line.split()[0]: int(line.split()[1]) for line in said.splitlines()}
    assert sizes.pop("/tmp") <= 64, said
    assert sizes.pop("/dev/shm") == 64, said
    assert set(sizes.values()) == {0}, said
    assert set(sizes) == {"/run", "/", "/dev", "/var"}, said


def test_log_has_an_end(livy: Livy, session: int) -> None:
    code = "for _ in range(40): spark._jvm.System.err.println('x' * 500_000)"
    livy.run(session, code)
    (log,) = (livy.data / "logs").rglob(f"sessions/{session}/driver.log")
    until(lambda: log.stat().st_size < 5 * MB and b"were cut" in log.read_bytes(), 20, "it is cut")
    assert livy.session(session)["state"] == "idle"


@pytest.mark.skipif(cgroups.place() is None, reason="no control groups: see the unit tests")
def test_memory_has_an_end_that_says_so(livy: Livy, session: int) -> None:
    output = livy.run(session, "kept = bytearray(3000 * 2**20)")
    assert output["status"] == "error", output
    assert "its processes together used the 1536 MB that they may use" in str(output), output
    # The interpreter is a new one, the application is the same.
    assert "3" in str(livy.run(session, "spark.range(3).count()"))
