"""Bare Spark in a fresh Python, to compare with: `python -m benchmarks.bare_spark`.

Prints one line when the session is there, and then one with the times of warm calls as JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import Sample

WARM_UP, CALLS = 20, 100
PROPERTIES = "BENCH_SPARK_CONF"


@dataclass(frozen=True)
class BareSpark:
    """What was measured in one process."""

    first: float
    """Seconds from the start of Python to the session."""
    count: Sample
    """`spark.range(10).count()`"""
    add: Sample
    """`1+1`"""


async def measure(folder: Path, conf: dict[str, str]) -> BareSpark:
    """Run this module in a fresh Python."""
    begin = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "benchmarks.bare_spark",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, PROPERTIES: json.dumps(conf), "SPARK_LOCAL_DIRS": str(folder)},
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(180):
            await process.stdout.readline()
            first = time.perf_counter() - begin
            times = json.loads(await process.stdout.readline())
            await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return BareSpark(first, Sample(tuple(times["count"])), Sample(tuple(times["add"])))


def main() -> None:
    """Start Spark, say so, then time warm calls."""
    from pyspark.sql import SparkSession

    builder = SparkSession.builder
    for name, value in json.loads(os.environ.get(PROPERTIES, "{}")).items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    print(spark.version, flush=True)
    times: dict[str, list[float]] = {"count": [], "add": []}
    for name, code in (("count", "spark.range(10).count()"), ("add", "1+1")):
        compiled = compile(code, "<bench>", "eval")
        for turn in range(WARM_UP + CALLS):
            begin = time.perf_counter()
            eval(compiled, {"spark": spark})
            if turn >= WARM_UP:
                times[name].append(time.perf_counter() - begin)
    print(json.dumps(times), flush=True)
    spark.stop()


if __name__ == "__main__":
    main()
