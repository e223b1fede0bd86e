"""The disk is full: nothing is accepted that cannot be written down, and nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.disk import fill, small_disk
from tests.integration.livy import temp_livy, until

SIZE = 48_000_000
LINES = 40
CODE = f"""\
import time
for number in range({LINES}): print(number, 'x' * 1000, flush=True); time.sleep(0.1)
'all'
"""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", SIZE) as folder:
        yield folder


def test_full_disk_accepts_nothing_and_loses_nothing(disk: Path, tmp_path: Path) -> None:
    with temp_livy(disk) as livy:
        session = livy.ready()
        running = livy.submit(session, CODE)
        until(lambda: livy.statement(session, running)["output"], 20, "output while it runs")
        fill(disk / "ballast")
        path = f"/sessions/{session}/statements"
        until(
            lambda: livy.http.post(path, json={"code": "#" * 100_000}).status_code == 503,
            30,
            "a statement is refused",
        )
        answer = livy.http.post(path, json={"code": "#" * 100_000})
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
        assert "could not write this down" in answer.json()["msg"]
        assert livy.session(session)["state"] == "busy"
        total = livy.http.get(path).json()["total_statements"]
        until(lambda: "all" in str(livy.statement(session, running)["output"]), 30, "the result")
        (disk / "ballast").unlink()

        expected = "".join(f"{number} {'x' * 1000}\n" for number in range(LINES)) + "'all'"
        assert livy.done(session, running)["output"]["data"] == {"text/plain": expected}
        # The numbers of what was refused are given again; the server forgot nothing.
        assert livy.submit(session, "6 * 7") == total
        assert livy.done(session, total)["output"]["data"] == {"text/plain": "42"}
        livy.kill()
        livy.start()
        # What was shown and not yet written down comes from the driver again.
        assert livy.done(session, running)["output"]["data"] == {"text/plain": expected}
