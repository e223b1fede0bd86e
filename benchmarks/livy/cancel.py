"""How long a cancel takes, in each language: code that loops, and a Spark job that runs."""

from __future__ import annotations

import time
from collections.abc import Iterator

from benchmarks.livy.client import DONE, PAUSE, Livy
from benchmarks.measure import Row, Sample

RUNS = 5
RUNNING = 1.0
"""Seconds that a statement runs before it is cancelled."""
PATIENCE = 60.0
LONG = "sum(id % 7)"
CODES = {
    ("Python", "pyspark"): (
        "while True: pass",
        f"spark.range(0, 10**13, 1, 4).selectExpr('{LONG}').collect()",
        "1",
    ),
    ("Scala", "spark"): (
        "while (true) {}",
        f'spark.range(0, 10000000000000L, 1, 4).selectExpr("{LONG}").collect()',
        "1",
    ),
    ("R", "sparkr"): (
        "while (TRUE) {}",
        f'collect(sql("select {LONG} from range(0, 10000000000000, 1, 4)"))',
        "1",
    ),
    ("SQL", "sql"): (
        "begin declare i bigint = 0; while true do set i = i + 1; end while; end",
        f"select {LONG} from range(0, 10000000000000, 1, 4)",
        "select 1",
    ),
}
"""A loop, a job, and what shows that the session goes on; by language and kind."""


def measure(livy: Livy, session: int) -> Iterator[Row]:
    """Measure a session's cancels, from the POST until the statement is over."""
    path = f"/sessions/{session}/statements"
    for (language, kind), (loop, job, after) in CODES.items():
        if not _goes_on(livy, path, kind, after):
            continue  # there is no R
        for what, code in (("code that loops", loop), ("a Spark job", job)):
            taken, states = [], set()
            for _ in range(RUNS):
                seconds, state = _cancelled(livy, path, kind, code)
                taken.append(seconds)
                states.add(state if _goes_on(livy, path, kind, after) else "session lost")
            sample = Sample(tuple(taken))
            others = ", ".join(sorted(states - {"cancelled"}))
            yield Row(
                f"Cancel of {what} in {language}, median / maximum",
                f"{sample.median:.2f} / {max(taken):.2f} s" + (f" ({others})" if others else ""),
                aim="1 s",
            )


def _cancelled(livy: Livy, path: str, kind: str, code: str) -> tuple[float, str]:
    number = livy.ask("POST", path, {"code": code, "kind": kind})["id"]
    while livy.ask("GET", f"{path}/{number}")["state"] == "waiting":
        time.sleep(PAUSE)
    time.sleep(RUNNING)
    begin = time.perf_counter()
    livy.ask("POST", f"{path}/{number}/cancel")
    while (state := livy.ask("GET", f"{path}/{number}")["state"]) not in DONE:
        if time.perf_counter() - begin > PATIENCE:
            return PATIENCE, f"still {state}"
        time.sleep(PAUSE)
    return time.perf_counter() - begin, state


def _goes_on(livy: Livy, path: str, kind: str, code: str) -> bool:
    number = livy.ask("POST", path, {"code": code, "kind": kind})["id"]
    while (found := livy.ask("GET", f"{path}/{number}"))["state"] not in DONE:
        time.sleep(PAUSE)
    return bool(found["output"]["status"] == "ok")
