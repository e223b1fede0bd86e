"""A million rows to pandas in process, to compare with: `python -m benchmarks.livy.pandas_bare`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

ROWS, RUNS = 1_000_000, 6
CODE = (
    f"spark.range({ROWS}).selectExpr('id', 'id % 97 AS k', 'rand(7) AS x', "
    "'CAST(id AS STRING) AS s', \"timestamp_seconds(id) AS t\")"
)
PROPERTIES = "BENCH_SPARK_CONF"


def measure(conf: dict[str, str]) -> list[float]:
    """Run this module in a fresh Python; return the seconds of each run but the first."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.livy.pandas_bare"],
        env={**os.environ, PROPERTIES: json.dumps(conf)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=True,
        timeout=180,
    )
    times: list[float] = json.loads(done.stdout)
    return times[1:]


def main() -> None:
    """Convert again and again; print the times."""
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.config("spark.sql.execution.arrow.pyspark.enabled", "true")
    for name, value in json.loads(os.environ.get(PROPERTIES, "{}")).items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    frame = eval(CODE, {"spark": spark})
    times = []
    for _ in range(RUNS):
        begin = time.perf_counter()
        assert frame.toPandas().shape == (ROWS, 5)
        times.append(time.perf_counter() - begin)
    print(json.dumps(times))
    spark.stop()


if __name__ == "__main__":
    main()
