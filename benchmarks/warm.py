"""The first cell of each kernel on a session that was started beforehand."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from benchmarks.kernel import kernel
from benchmarks.measure import Row, Sample, until
from benchmarks.running import PROJECT, Member, Running

CELLS = {
    "pyspark": "print(spark.version)",
    "spark": "println(spark.version)",
    "sparkr": "cat(sparkR.version())",
}
REQUEST = "%%local\nimport os\nprint(os.environ['HOPYARD_SESSION_CONF'])"
BEFOREHAND = " sparkr is ready beforehand"
"""In its log: the last thing that a driver gets ready."""


async def rows(member: Member, ours: Running, folder: Path, runs: int) -> AsyncIterator[Row]:
    """Measure each kernel's first cell."""
    await member.start_to_lab()
    for name, code in CELLS.items():
        times = []
        for _ in range(runs):
            async with kernel(member.server_url, member.token, name) as notebook:
                _, request = await notebook.run(REQUEST, seconds=120)
                await _driver(member, json.loads(request))
                seconds, text = await notebook.run(code, seconds=300)
                assert "4." in text, text
                times.append(seconds)
        yield Row(
            f"First cell of the {name} kernel on a session started beforehand",
            str(Sample(tuple(times))),
            aim="0.5 s",
        )
    await member.stop()


async def _driver(member: Member, request: dict[str, Any]) -> None:
    """Start a driver that waits for a notebook's session; return when it is ready."""
    sessions = f"livy/projects/{PROJECT}/sessions"
    conf = {**request.get("conf", {}), "hopyard.session.warm": "true"}
    answer = await member.http.post(sessions, json={**request, "kind": "pyspark", "conf": conf})
    answer.raise_for_status()
    log = f"{sessions}/{answer.json()['id']}/log?size=1000"

    async def ready() -> bool | None:
        lines = (await member.http.get(log)).json()["log"]
        return True if any(BEFOREHAND in line for line in lines) else None

    await until(ready, seconds=180, what="the driver beforehand", pause=0.5)
