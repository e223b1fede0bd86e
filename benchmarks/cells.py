"""Cells of a PySpark notebook: the first, warm ones, and what they take of the memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from importlib.metadata import version
from pathlib import Path

from benchmarks import bare_spark
from benchmarks.kernel import Kernel, kernel
from benchmarks.measure import Row, Sample, ratio
from benchmarks.running import Member, Running

WARM_UP, CALLS = 10, 60
SPARK = {"spark.master": "local[*]", "spark.driver.memory": "2048m"}
FIRST_CELL = "print(spark.version)"
_WARM = ("1+1", "spark.range(10).count()")


async def rows(member: Member, ours: Running, folder: Path, runs: int) -> AsyncIterator[Row]:
    """Measure the first PySpark cell, warm cells and memory, beside bare Spark."""
    first: list[float] = []
    bare_first: list[float] = []
    bare = None
    times: dict[str, Sample] = {}
    memory: tuple[float, float] = (0.0, 0.0)
    for turn in range(runs):
        bare = await bare_spark.measure(folder, SPARK)
        bare_first.append(bare.first)
        await member.start_to_lab()
        async with kernel(member.server_url, member.token, "pyspark") as notebook:
            await notebook.run("%%local\n1", seconds=120)
            seconds, text = await notebook.run(FIRST_CELL, seconds=300)
            assert version("pyspark") in text, text
            first.append(seconds)
            if turn == runs - 1:
                times = {code: await _calls(notebook, code) for code in _WARM}
                memory = ours.memory_of("hopyard.notebook"), ours.memory_of("hopyard.driver")
        await member.stop()
    assert bare is not None
    us, them = Sample(tuple(first)), Sample(tuple(bare_first))
    yield Row(
        "First PySpark cell, session included",
        str(us),
        f"bare `SparkSession` in a fresh Python {them}",
        ratio(us.median, them.median),
        "1.2 ×",
    )
    add, count = times[_WARM[0]], times[_WARM[1]]
    yield Row(
        "`1+1` through the PySpark kernel, p50 / p95",
        add.percentiles,
        f"in process {bare.add.percentiles}",
        aim="20 ms",
    )
    more = (count.median - bare.count.median) * 1000
    yield Row(
        "`spark.range(10).count()` through the kernel, p50 / p95",
        count.percentiles,
        f"in process {bare.count.percentiles}",
        f"{more:+.0f} ms",
        "+30 ms",
    )
    yield Row("Memory of one Jupyter server with a notebook's kernel (PSS)", f"{memory[0]:.0f} MB")
    yield Row("Memory of one driver, idle: agent, interpreter, JVM (PSS)", f"{memory[1]:.0f} MB")


async def _calls(notebook: Kernel, code: str) -> Sample:
    times = [(await notebook.run(code))[0] for _ in range(WARM_UP + CALLS)]
    return Sample(tuple(times[WARM_UP:]))
