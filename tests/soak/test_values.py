"""Random values through every interpreter and way out: no session is ever stuck.

`make soak` sends 2,000; a short form runs with all tests (`tests/integration/test_livy_odd.py`).
The seed is printed; HOPYARD_SOAK_SEED repeats a run.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator

import pytest

from tests.integration.livy import Livy, temp_livy
from tests.soak.values import GENERATORS

SOAK = bool(os.environ.get("HOPYARD_SOAK"))
COUNT = 2_000
SEED = int(os.environ.get("HOPYARD_SOAK_SEED") or random.SystemRandom().randrange(10**6))
SHARES = {"pyspark": 0.5, "sql": 0.25, "spark": 0.1, "sparkr": 0.15}
WORKS = {"pyspark": "6 * 7", "sql": "SELECT 42", "spark": "6 * 7", "sparkr": "6 * 7"}


@pytest.fixture(scope="module")
def livy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Livy]:
    with temp_livy(tmp_path_factory.mktemp("values")) as server:
        yield server


@pytest.mark.skipif(not SOAK, reason="make soak")
def test_no_value_freezes_a_session(livy: Livy) -> None:
    print(f"HOPYARD_SOAK_SEED={SEED}")
    show(livy, livy.ready(), random.Random(SEED), COUNT, tuple(GENERATORS))


def show(
    livy: Livy, session: int, chance: random.Random, count: int, kinds: tuple[str, ...]
) -> None:
    """Send random code, look at all that comes of it, and see that the session goes on."""
    place = f"/sessions/{session}"
    for _ in range(count):
        (kind,) = chance.choices(kinds, [SHARES[kind] for kind in kinds])
        code = GENERATORS[kind](chance)
        number = livy.submit(session, code, kind=kind)
        done = livy.done(session, number, 60)
        assert done["state"] == "available", (code, done)
        for way in ("events", "text"):
            assert livy.http.get(f"{place}/statements/{number}/{way}").status_code == 200, code
        json.dumps(done, allow_nan=False).encode()
        if chance.random() < 0.1:
            ask_beside(livy, session, kind, number, code)
    for kind in kinds:
        assert livy.run(session, WORKS[kind], kind=kind)["status"] == "ok"
    assert livy.session(session)["state"] == "idle"


def ask_beside(livy: Livy, session: int, kind: str, number: int, code: str) -> None:
    """Ask what is asked beside statements: completion, inspection, rows."""
    place, asked = f"/sessions/{session}", {"code": code[:200], "kind": kind, "cursor": 3}
    for question in ("completion", "inspect"):
        answer = livy.http.post(f"{place}/{question}", json=asked)
        assert answer.status_code == 200, (question, code, answer.text)
    rows = livy.http.get(f"{place}/statements/{number}/arrow")
    assert rows.status_code in (200, 404, 409), (code, rows.text)
