"""Our server alone, with many sessions and statements: drivers that only speak the protocol."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.livy.client import Livy
from benchmarks.livy.fakes import FakeDriver
from benchmarks.livy.single import load
from benchmarks.measure import Row, Sample, ratio
from benchmarks.plain_hub import free_port
from hopyard.protocol.messages import DriverConfig

SESSIONS, CLIENTS, SECONDS = 50, 200, 8.0
FEW, MANY, CALLS = 10, 10_000, 300


@dataclass(frozen=True)
class Crowded:
    """A server whose drivers are fakes."""

    url: str
    pid: int

    def memory(self) -> float:
        """Resident memory in MB."""
        return float(psutil.Process(self.pid).memory_info().rss) / 2**20


@contextlib.asynccontextmanager
async def crowded(folder: Path) -> AsyncIterator[Crowded]:
    """Start the server, play every driver that it wants; end all of it afterwards."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.livy.fakes", str(port), str(folder)),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    await asyncio.wait_for(process.stdout.readline(), 60)  # "listens at"
    playing = asyncio.create_task(_play(process.stdout))
    try:
        yield Crowded(f"http://127.0.0.1:{port}", process.pid)
    finally:
        playing.cancel()
        process.terminate()
        await asyncio.wait_for(process.wait(), 60)


async def _play(wanted: asyncio.StreamReader) -> None:
    async with asyncio.TaskGroup() as drivers:
        while line := await wanted.readline():
            if not line.startswith(b"{"):
                continue  # what the server says to people
            config = DriverConfig.model_validate_json(line)
            drivers.create_task(FakeDriver(config).run())


async def held(server: Crowded) -> AsyncIterator[Row]:
    """Measure many clients that hold GETs on statements of many sessions."""
    first = server.memory()
    yield Row("Memory of the server (RSS) at its start", f"{first:.0f} MB", aim="135 MB")
    urls = await asyncio.to_thread(_hold, server.url)
    seen = await asyncio.to_thread(load, urls, CLIENTS, SECONDS, None)
    faults = {name: count for name, count in seen["statuses"].items() if name != "200"}
    yield Row(
        f"{CLIENTS} clients hold GETs on {SESSIONS} sessions' statements",
        f"{server.memory():.0f} MB",
        f"answers other than 200: {faults or 'none'}; "
        f"{seen['rate']:.0f} a second, each held {seen['p50']:.2f} s",
        aim="300 MB, no 5xx",
    )


def _hold(url: str) -> list[str]:
    livy = Livy(url)
    urls = []
    for _ in range(SESSIONS):
        session, _ = livy.ready()
        number = livy.ask("POST", f"/sessions/{session}/statements", {"code": "hold:"})["id"]
        urls.append(f"{url}/sessions/{session}/statements/{number}")
    return urls


def _many(url: str) -> Row:
    """Measure the GET of a statement in a session with many, and in one with few."""
    livy = Livy(url)
    few, _ = livy.ready()
    full, _ = livy.ready()
    for session, count in ((few, FEW), (full, MANY)):
        path = f"/sessions/{session}/statements"
        for _ in range(count):
            livy.ask("POST", path, {"code": "1+1"})
            while livy.ask("GET", f"/sessions/{session}?wait=0")["state"] == "busy":
                pass
    one = _get(livy, few, FEW - 1)
    last, first = _get(livy, full, MANY - 1), _get(livy, full, 0)
    return Row(
        f"GET of a statement in a session with {MANY:,}: the last, p50 / p95",
        last.percentiles,
        f"in one with {FEW} {one.percentiles}; the first of {MANY:,} {first.percentiles}",
        ratio(last.median, one.median),
        "1 ×",
    )


def _get(livy: Livy, session: int, statement: int) -> Sample:
    taken = []
    for _ in range(CALLS):
        begin = time.perf_counter()
        livy.ask("GET", f"/sessions/{session}/statements/{statement}")
        taken.append(time.perf_counter() - begin)
    return Sample(tuple(taken))


async def measure(folder: Path) -> list[Row]:
    """Measure all of it."""
    async with crowded(folder) as server:
        rows = [row async for row in held(server)]
        return [*rows, await asyncio.to_thread(_many, server.url)]
