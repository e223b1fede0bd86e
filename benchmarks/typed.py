"""Help while typing, in the three kernels, while the session is idle."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

from benchmarks.kernel import Kernel, kernel
from benchmarks.measure import Row, Sample
from benchmarks.running import Member, Running

WARM_UP, CALLS = 10, 60
TYPED = {
    "pyspark": ("spark.ra", "range", "spark.range"),
    "spark": ("spark.ra", "range", "spark.range"),
    "sparkr": ("createDataF", "createDataFrame", "createDataFrame"),
}
"""By kernel: what is completed, to what, and what is inspected."""


async def rows(member: Member, ours: Running, folder: Path, runs: int) -> AsyncIterator[Row]:
    """Measure completion and inspection in each kernel."""
    await member.start_to_lab()
    for name, (begin, whole, inspected) in TYPED.items():
        async with kernel(member.server_url, member.token, name) as notebook:
            await notebook.run("1", seconds=300)
            completed = await _completed(notebook, begin, whole)
            yield Row(
                f"Completion of `{begin}` in the {name} kernel, p50 / p95",
                completed.percentiles,
                aim="p95 150 ms",
            )
            shown = await _inspected(notebook, inspected)
            yield Row(
                f"Inspection of `{inspected}` in the {name} kernel, p50 / p95",
                shown.percentiles,
                aim="p95 150 ms",
            )
    await member.stop()


async def _completed(notebook: Kernel, code: str, whole: str) -> Sample:
    times = [await notebook.complete(code) for _ in range(WARM_UP + CALLS)]
    assert any(whole in match for match in times[-1][1]), times[-1]
    return Sample(tuple(seconds for seconds, _ in times[WARM_UP:]))


async def _inspected(notebook: Kernel, code: str) -> Sample:
    times = [await notebook.inspect(code) for _ in range(WARM_UP + CALLS)]
    assert times[-1][1], code
    return Sample(tuple(seconds for seconds, _ in times[WARM_UP:]))
