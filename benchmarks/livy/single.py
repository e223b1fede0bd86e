"""One client, one real session: start, statements, GETs, rows, an output that is too large."""

from __future__ import annotations

import asyncio
import io
import json
import os
import re
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import bare_spark
from benchmarks.livy import pandas_bare
from benchmarks.livy.client import Livy
from benchmarks.livy.load import TOKEN
from benchmarks.measure import Row, Sample, ratio

SPARK = {"spark.master": "local[*]", "spark.driver.memory": "1g"}
BODY: dict[str, Any] = {"driverMemory": "1g", "conf": {"spark.master": "local[*]"}}
CALLS, ROUNDS = 25, 9
"""Statements in a round; the first round warms up."""
NUMBER = re.compile(r"\d+\.\d+(?:[eE][-+]\d+)?")
CLIENTS, SECONDS = 50, 5.0
LANGUAGES = {"pyspark": "Python", "spark": "Scala", "sparkr": "R", "sql": "SQL"}


@dataclass(frozen=True)
class Words:
    """What is measured in one language.

    Attributes:
        trivial: a statement without a Spark job.
        count: a statement with a small one.
        bare: prints how many seconds the same job takes in a loop.
        bare_kind: the language of `bare`.
    """

    trivial: str
    count: str
    bare: str
    bare_kind: str


_PYTHON = """import time
def seconds(call):
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin
print(*["%.6f" % seconds(lambda: {job}) for _ in range({calls})])"""
_SCALA = """println((1 to {calls}).map {{ _ =>
  val begin = System.nanoTime
  {job}
  f"${{(System.nanoTime - begin) / 1e9}}%.6f"
}}.mkString(" "))"""
_R = """for (i in 1:{calls}) {{
  begin <- as.numeric(Sys.time())
  {job}
  cat(sprintf("%.6f ", as.numeric(Sys.time()) - begin))
}}"""
KINDS = {
    "pyspark": Words(
        "1+1",
        "spark.range(10).count()",
        _PYTHON.format(job="spark.range(10).count()", calls=CALLS),
        "pyspark",
    ),
    "spark": Words(
        "1+1",
        "spark.range(10).count()",
        _SCALA.format(job="spark.range(10).count()", calls=CALLS),
        "spark",
    ),
    "sparkr": Words(
        "1+1",
        'count(sql("SELECT id FROM range(10)"))',
        _R.format(job='count(sql("SELECT id FROM range(10)"))', calls=CALLS),
        "sparkr",
    ),
    "sql": Words(
        "SELECT 1+1",
        "SELECT count(*) FROM range(10)",
        _PYTHON.format(job='spark.sql("SELECT count(*) FROM range(10)").collect()', calls=CALLS),
        "pyspark",
    ),
}
LARGE = "for _ in range(1000): print(('x' * 99 + '\\n') * 1000, end='')"
MEMORY = Callable[[], float]
"""Resident memory of the server in MB."""


def starts(livy: Livy, folder: Path, runs: int) -> Iterator[Row]:
    """Measure a session's start beside the start of a bare SparkSession, in turns."""
    bare = []
    ours = []
    for _ in range(runs):
        bare.append(asyncio.run(bare_spark.measure(folder, SPARK)))
        session, seconds = livy.ready(**BODY)
        ours.append(seconds)
        livy.ask("DELETE", f"/sessions/{session}")
    us, them = Sample(tuple(ours)), Sample(tuple(one.first for one in bare))
    yield Row(
        "POST of a session → idle",
        str(us),
        f"bare `SparkSession` in a fresh Python {them}",
        ratio(us.median, them.median),
        "1.15 ×",
    )


def adopted(livy: Livy, runs: int) -> Iterator[Row]:
    """Measure a session whose driver was started beforehand (ours only)."""
    taken = []
    for _ in range(runs):
        livy.ready(**{**BODY, "conf": {**BODY["conf"], "hopyard.session.warm": "true"}})
        session, seconds = livy.ready(**BODY)
        taken.append(seconds)
        livy.ask("DELETE", f"/sessions/{session}")
    yield Row(
        "POST of a session → idle, with a warm driver", str(Sample(tuple(taken))), aim="0.3 s"
    )


def statements(livy: Livy, session: int) -> Iterator[Row]:
    """Measure warm statements of every kind from submit to result."""
    for kind, words in KINDS.items():
        trivial, over, count = [], [], []
        for _ in range(ROUNDS):
            trivial += [livy.run(session, words.trivial, kind)[1] for _ in range(CALLS)]
            through = [livy.run(session, words.count, kind)[1] for _ in range(CALLS)]
            found, _ = livy.run(session, words.bare, words.bare_kind)
            bare = [float(text) for text in NUMBER.findall(found["output"]["data"]["text/plain"])]
            count += through
            over += [statistics.median(through) - statistics.median(bare)]
        name = LANGUAGES[kind]
        added = Sample(tuple(trivial[CALLS:]))
        yield Row(
            f"`{words.trivial}` in {name}, submit to result, p50 / p95",
            added.percentiles,
            aim="5 / 10 ms",
        )
        more = Sample(tuple(over[1:]))
        yield Row(
            f"`{words.count}` in {name}, p50 / p95",
            Sample(tuple(count[CALLS:])).percentiles,
            "the same in a loop in the session",
            f"+{more}",
            "+2 ms",
        )


def load(urls: list[str], clients: int, seconds: float, token: str | None) -> dict[str, Any]:
    """Run the load generator; return what it saw."""
    env = {**os.environ, **({TOKEN: token} if token else {})}
    words = [sys.executable, "-m", "benchmarks.livy.load", ",".join(urls), str(clients)]
    done = subprocess.run(
        [*words, str(seconds)], env=env, capture_output=True, text=True, check=True, timeout=200
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def gets(livy: Livy, session: int, token: str | None, memory: MEMORY | None) -> Iterator[Row]:
    """Measure GETs of a session and of a statement by many clients, and the memory after them."""
    before = memory() if memory else 0.0
    livy.run(session, "1+1")
    for what, path in (("session", ""), ("statement", "/statements/0")):
        seen = load([f"{livy.url}/sessions/{session}{path}"], CLIENTS, SECONDS, token)
        faults = {name: count for name, count in seen["statuses"].items() if name != "200"}
        yield Row(
            f"GETs of a {what} by {CLIENTS} clients" + (f" ({faults})" if faults else ""),
            f"{seen['rate']:,.0f} a second",
            f"p50 {seen['p50'] * 1000:.1f} ms, p95 {seen['p95'] * 1000:.1f} ms",
            aim="10,000 a second",
        )
    if memory:
        yield Row(
            "Memory of the server (RSS) before and after them",
            f"{before:.0f} → {memory():.0f} MB",
            aim="flat",
        )


def rows(livy: Livy, session: int) -> Iterator[Row]:
    """Measure a million rows as Arrow into pandas, beside `toPandas()` in process."""
    import pyarrow as pa

    bare = Sample(tuple(pandas_bare.measure(SPARK)))
    statement = livy.run(session, pandas_bare.CODE)[0]["id"]
    taken = []
    for _ in range(pandas_bare.RUNS):
        begin = time.perf_counter()
        status, content = livy.raw("GET", f"/sessions/{session}/statements/{statement}/arrow")
        if status != 200:
            return  # another server
        frame = pa.ipc.open_stream(io.BytesIO(content)).read_pandas()
        taken.append(time.perf_counter() - begin)
        assert frame.shape == (pandas_bare.ROWS, 5)
    us = Sample(tuple(taken[1:]))
    yield Row(
        "1,000,000 rows × 5 columns to pandas through the Arrow stream",
        str(us),
        f"`toPandas()` with Arrow in process {bare}",
        ratio(us.median, bare.median),
        "1.5 ×",
    )


def large_output(livy: Livy, session: int, memory: MEMORY | None) -> Iterator[Row]:
    """Measure what an output of 100 MB costs the server, and that the cut is said."""
    before = memory() if memory else 0.0
    most, over = before, threading.Event()

    def watch() -> None:
        nonlocal most
        while memory and not over.wait(0.02):
            most = max(most, memory())

    watching = threading.Thread(target=watch)
    watching.start()
    found, seconds = livy.run(session, LARGE)
    over.set()
    watching.join()
    text = str((found["output"] or {}).get("data", {}).get("text/plain", ""))
    cut = "cut, says so" if "cut" in text[-200:] else "whole"
    yield Row(
        f"An output of 100 MB ({cut}: {len(text) / 1e6:.1f} MB kept)",
        f"{seconds:.1f} s",
        f"memory {before:.0f} MB, at most {most:.0f} MB" if memory else "-",
        aim="cut with a marker",
    )
