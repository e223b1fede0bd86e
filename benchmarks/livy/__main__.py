"""Measure a Livy server, and write `docs/reference/benchmarks-livy.md` when it is ours.

python -m benchmarks.livy                                   ours, started here; `make bench-livy`
python -m benchmarks.livy --url http://HOST:PORT            ours beside any other, printed only;
                                                            its token, if any, is in LIVY_TOKEN
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import platform as machine
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil

from benchmarks.livy import cancel, crowd, single
from benchmarks.livy.client import Livy
from benchmarks.measure import Row
from benchmarks.plain_hub import free_port
from hopyard.cli import token

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "benchmarks-livy.md"
HEAD = """# Benchmarks of the Livy server

`make bench-livy` writes this page, `make bench-livy URL=http://HOST:PORT` prints the same beside
any other Livy server (its token in `LIVY_TOKEN`): medians, in brackets the least and the greatest.
What ours is compared with ran in the same run on the same machine.

| | measured | compared with | ratio | aim |
| --- | --- | --- | --- | --- |
"""


@contextlib.contextmanager
def ours(folder: Path) -> Iterator[tuple[str, str, int]]:
    """Start `hopyard livy` alone; return its address, its token and its process."""
    port = free_port()
    env = {name: value for name, value in os.environ.items() if not name.startswith("HOPYARD_")}
    with (folder / "livy.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "hopyard.cli", "livy", "--port", str(port)],
            env=env | {"HOPYARD_DATA_DIR": str(folder / "data")},
            stdout=log,
            stderr=log,
        )
    url = f"http://127.0.0.1:{port}"
    end = time.monotonic() + 60
    try:
        while True:
            with contextlib.suppress(OSError):
                if Livy(url).raw("GET", "/ping")[0] == 200:
                    break
            if time.monotonic() > end or process.poll() is not None:
                raise RuntimeError((folder / "livy.log").read_text())
            time.sleep(0.05)
        yield url, token.read(folder / "data" / "run" / token.NAME), process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def shown(rows: Iterable[Row]) -> list[Row]:
    """Print each row when it is measured; return them all."""
    found = []
    for row in rows:
        print(row.markdown, flush=True)
        found.append(row)
    return found


def measure(url: str, token: str | None, pid: int | None, folder: Path, runs: int) -> list[Row]:
    """Measure one server with real sessions."""
    livy = Livy(url, token)

    def memory() -> float:
        return float(psutil.Process(pid).memory_info().rss) / 2**20

    watched = memory if pid else None
    found = shown(single.starts(livy, folder, runs))
    if pid:
        found += shown(single.adopted(livy, runs))
    session, _ = livy.ready(**single.BODY)
    found += shown(single.statements(livy, session))
    found += shown(single.gets(livy, session, token, watched))
    found += shown(single.rows(livy, session))
    found += shown(cancel.measure(livy, session))
    found += shown(single.large_output(livy, session, watched))
    livy.ask("DELETE", f"/sessions/{session}")
    return found


def page(rows: list[Row], load: float) -> str:
    """Return the page."""
    lines = [row.markdown for row in rows]
    return (
        HEAD
        + "\n".join(lines)
        + f"\n\nMeasured {datetime.now(UTC):%Y-%m-%d} on {os.cpu_count()} cores, "
        f"{machine.system()}, Python {machine.python_version()}, pyspark {version('pyspark')}; "
        f"load before the run {load:.1f}.\n"
    )


def beside(ours: list[Row], theirs: list[Row]) -> list[Row]:
    """Return our rows, each compared with what another server did at the same."""
    others = {row.what: row.ours for row in theirs}
    return [replace(row, compared=others.get(row.what, "-"), ratio="-") for row in ours]


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", help="of another server, to be measured beside ours")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--print", action="store_true", help="do not write the page")
    arguments = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="hopyard-bench-") as name:
        folder = Path(name)
        with ours(folder) as (url, secret, pid):
            rows = measure(url, secret, pid, folder, arguments.runs)
        if arguments.url:
            found = os.environ.get("LIVY_TOKEN")
            rows = beside(rows, measure(arguments.url, found, None, folder, arguments.runs))
        else:
            rows += asyncio.run(crowd.measure(folder / "crowd"))
    text = page(rows, load)
    print(text)
    if not (arguments.print or arguments.url):
        PAGE.write_text(text)


if __name__ == "__main__":
    main()
