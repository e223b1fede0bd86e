"""Rows of a query to pandas: over Arrow, and by sparkmagic's own kernel, as JSON."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager

from benchmarks.kernel import Kernel, kernel
from benchmarks.measure import Row, Sample, ratio
from benchmarks.running import ADMIN, PROJECT, Member, Running

ROWS = (100_000, 1_000_000)
MAKE = (
    "made = spark.range({rows}).selectExpr('id', 'id * 2.5D AS x', 'cast(id AS string) AS s', "
    "'id % 7 AS m', 'timestamp_seconds(id) AS t').cache()\n"
    "made.createOrReplaceTempView('made')\nmade.count()"
)
FETCH = "%%sql -o found -q -n {rows}\nSELECT * FROM made"
CHECK = "%%local\nprint(found.shape, int(found['id'].max()))"


async def rows(member: Member, ours: Running, folder: Path, runs: int) -> AsyncIterator[Row]:
    """Measure both ways, one after the other."""
    await member.start_to_lab()
    home = folder / "sparkmagic"
    async with kernel(member.server_url, member.token, "pyspark") as notebook:
        # What both have in common: Spark's driver, its settings, the Livy server.
        _, request = await notebook.run(
            "%%local\nimport os\nprint(os.environ['HOPYARD_SESSION_CONF'])", seconds=120
        )
        url = f"{ours.url}livy/projects/{PROJECT}"
        with _sparkmagic(home, url, member.token, json.loads(request)) as other:
            for count in ROWS:
                arrow = await _ours(notebook, count, runs)
                turns = runs if count == ROWS[0] else 1
                as_json = await asyncio.to_thread(_theirs, other, count, turns)
                yield Row(
                    f"`%%sql -o` of {count:,} rows × 5 columns, over Arrow",
                    str(arrow),
                    f"sparkmagic's own kernel, JSON {as_json}",
                    ratio(arrow.median, as_json.median),
                    "0.1 ×",
                )
    await member.stop()


async def _ours(notebook: Kernel, count: int, runs: int) -> Sample:
    await notebook.run(MAKE.format(rows=count), seconds=300)
    await notebook.run(FETCH.format(rows=count), seconds=300)
    times = [(await notebook.run(FETCH.format(rows=count)))[0] for _ in range(runs)]
    _, text = await notebook.run(CHECK)
    assert text == f"({count}, 5) {count - 1}\n", text
    return Sample(tuple(times))


def _theirs(client: BlockingKernelClient, count: int, runs: int) -> Sample:
    _in_cell(client, MAKE.format(rows=count))
    times = []
    for _ in range(runs):
        begin = time.perf_counter()
        _in_cell(client, FETCH.format(rows=count))
        times.append(time.perf_counter() - begin)
    text = _in_cell(client, CHECK)
    assert text == f"({count}, 5) {count - 1}\n", text
    return Sample(tuple(times))


def _in_cell(client: BlockingKernelClient, code: str) -> str:
    shown: list[str] = []

    def take(message: dict[str, Any]) -> None:
        shown.append(message["content"].get("text", ""))

    reply = client.execute_interactive(code, timeout=900, output_hook=take)
    text = "".join(shown)
    if reply["content"]["status"] != "ok":
        raise RuntimeError(f"sparkmagic's kernel: {text or reply['content']}")
    return text


@contextlib.contextmanager
def _sparkmagic(
    home: Path, url: str, token: str, request: dict[str, Any]
) -> Iterator[BlockingKernelClient]:
    """Run sparkmagic's own PySpark kernel against a Livy server."""
    (home / ".sparkmagic").mkdir(parents=True)
    sign_in = {"username": ADMIN, "password": token, "url": url, "auth": "Basic_Access"}
    config = {"kernel_python_credentials": sign_in, "session_configs": request}
    (home / ".sparkmagic" / "config.json").write_text(json.dumps(config))
    spec = home / "kernels" / "sparkmagic"
    spec.mkdir(parents=True)
    words = [sys.executable, "-m", "sparkmagic.kernels.pysparkkernel.pysparkkernel"]
    about = {"argv": [*words, "-f", "{connection_file}"], "display_name": "", "language": "python"}
    (spec / "kernel.json").write_text(json.dumps(about))
    specs = KernelSpecManager(kernel_dirs=[str(home / "kernels")])
    manager = KernelManager(kernel_name="sparkmagic", kernel_spec_manager=specs)
    manager.start_kernel(env=os.environ | {"HOME": str(home)})
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=120)
        yield client
    finally:
        client.stop_channels()
        manager.shutdown_kernel()
