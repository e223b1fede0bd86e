"""Run all benchmarks (about ten minutes) and write `docs/reference/benchmarks.md`.

python -m benchmarks [--runs N] [--print]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform as machine
import tempfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks import cells, fetched, in_browser, typed, warm
from benchmarks.measure import Row, Sample, ratio
from benchmarks.plain_hub import PlainHub, plain_hub
from benchmarks.running import Member, Running, running
from hopyard.cli.machine import proxy_command

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "benchmarks.md"
HEAD = """# Benchmarks

`make bench` writes this page: medians of {runs} runs, in brackets the least and the
greatest. What ours is compared with ran in the same run on the same machine.

| | ours | compared with | ratio | aim |
| --- | --- | --- | --- | --- |
"""


async def starts(folder: Path, runs: int) -> AsyncIterator[Row]:
    """Measure the first start with an empty data directory, and those after it."""
    async with running(folder) as first:
        seconds = first.seconds
    again = []
    for _ in range(runs):
        async with running(folder) as second:
            again.append(second.seconds)
    yield Row("Start with an empty data directory, everything installed", f"{seconds:.2f} s")
    yield Row("Start again", str(Sample(tuple(again))), aim="seconds")


async def labs(member: Member, ours: Running, hub: PlainHub, runs: int) -> AsyncIterator[Row]:
    """Measure Start → JupyterLab, over HTTP and in Chromium, each beside plain JupyterHub's."""
    http: list[float] = []
    plain_http: list[float] = []
    shown: list[float] = []
    plain_shown: list[float] = []
    for _ in range(runs):
        http.append(await member.start_to_lab())
        await member.stop()
        plain_http.append(await hub.start_to_lab())
        shown.append(await in_browser.hopyard(ours.url))
        await member.stop()
        plain_shown.append(await in_browser.plain(hub.url))
        await hub.stop()
    for what, mine, theirs, aim in (
        ("Start → `/lab` answers", http, plain_http, "0.25 ×"),
        ("Start → launcher in Chromium, nothing cached", shown, plain_shown, "0.5 ×"),
    ):
        us, them = Sample(tuple(mine)), Sample(tuple(theirs))
        yield Row(what, str(us), f"plain JupyterHub {them}", ratio(us.median, them.median), aim)


def idle(ours: Running) -> Row:
    """Measure the memory of the platform while nothing runs in it."""
    memory = ours.memory()
    parts = ", ".join(f"{name} {mb:.0f}" for name, mb in sorted(memory.items()))
    return Row(
        f"Memory of the idle platform ({parts}; PSS)",
        f"{sum(memory.values()):.0f} MB",
        aim="600 MB",
    )


async def measure(folder: Path, runs: int) -> list[Row]:
    """Run everything; the platform and plain JupyterHub run side by side, one works at a time."""
    rows = [row async for row in starts(folder / "hopyard", runs)]
    async with running(folder / "hopyard") as ours:
        member = Member(ours, await ours.token())
        await member.prepare()
        rows.append(idle(ours))
        async with plain_hub(folder / "plain", proxy_command()) as hub:
            rows += [row async for row in labs(member, ours, hub, runs)]
        for part in (cells, warm, typed, fetched):
            rows += [row async for row in part.rows(member, ours, folder, runs)]
        await member.http.aclose()
    return rows


def page(rows: list[Row], runs: int, load: float) -> str:
    """Return the page."""
    lines = [row.markdown for row in rows]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    names = ("jupyterhub", "jupyterlab", "pyspark", "sparkmagic")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    return (
        HEAD.format(runs=runs)
        + "\n".join(lines)
        + f"\n\nMeasured {datetime.now(UTC):%Y-%m-%d} on {os.cpu_count()} cores with "
        f"{memory:.0f} GiB, {machine.system()}, Python {machine.python_version()}, {versions}; "
        f"load before the run {load:.1f}.\n"
    )


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--print", action="store_true", help="do not write the page")
    arguments = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="hopyard-bench-") as folder:
        rows = asyncio.run(measure(Path(folder), arguments.runs))
    text = page(rows, arguments.runs, load)
    print(text)
    if not arguments.print:
        PAGE.write_text(text)


if __name__ == "__main__":
    main()
