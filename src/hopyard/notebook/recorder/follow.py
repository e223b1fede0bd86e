"""Spark cells whose Jupyter server died: the Livy server's record is longer than ours.

Our kernels say which statement a cell became. When the next Jupyter server finds a cell that was
running, it reads the statement's events from the beginning, to its end: a kept session
(`hopyard.session.keep`) goes on, of another one there is what it said until it ended.
"""

from __future__ import annotations

import asyncio
import logging
import os
from typing import Any

from hopyard.notebook.kernels.cut import Cut, Message
from hopyard.notebook.recorder.recorder import Recorder
from hopyard.notebook.recorder.run import Run
from hopyard.notebook.recorder.runs import SERVER_ENDED

KINDS = {
    "display_data": "display_data",
    "update_display": "update_display_data",
    "clear_output": "clear_output",
}
"""Livy's events and the kernels' messages that show them."""

log = logging.getLogger(__name__)


async def follow(recorder: Recorder, run: Run) -> None:
    """Record what a run's statement says, until it is done."""
    loop = asyncio.get_running_loop()
    cut = Cut(run.whole)

    def read() -> None:
        first = True
        for kind, payload in _events(run.statement or ""):
            if first:
                loop.call_soon_threadsafe(recorder.again, run)
                first = False
            for message in messages(kind, payload, run.count, cut):
                loop.call_soon_threadsafe(recorder.heard, run, *message)

    try:
        await asyncio.to_thread(read)
    except Exception as error:  # whatever it is: the cell must not run for ever
        log.warning("Statement %s cannot be followed: %s", run.statement, error)
    if not run.done:
        recorder.over(run, SERVER_ENDED)


def messages(kind: str, payload: dict[str, Any], count: int | None, cut: Cut) -> list[Message]:
    """Return the messages by which a kernel would have shown an event."""
    if kind == "stream":
        return [*cut.stream(payload)]
    if kind in KINDS:
        return [(KINDS[kind], payload)]
    if kind != "result":
        return []
    idle = ("status", {"execution_state": "idle"})
    if payload.get("status") == "error":
        names = ("ename", "evalue", "traceback")
        return [("error", {name: payload.get(name) or "" for name in names}), idle]
    data = payload.get("data")
    if not data:
        return [idle]
    content = {"data": data, "metadata": payload.get("metadata") or {}, "execution_count": count}
    return [*cut.result(content), idle]


def _events(statement: str) -> Any:
    # Imported when it is needed, which is hardly ever: it takes half a second.
    from hopyard.notebook.kernels import sparkmagic

    sparkmagic.load()
    from hopyard.notebook.kernels.connection import Http
    from hopyard.notebook.kernels.events import Events
    from hopyard.notebook.kernels.token import HubToken

    return Events(Http(os.environ["HOPYARD_LIVY_URL"], HubToken()), statement)
