"""Whether a cluster gives the application executors: without one its jobs wait, in silence."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from hopyard.driver.spark import Spark

LOOK = 1.0
PATIENCE = 5.0
"""Seconds without an executor after which it is said: a lost one is soon replaced."""
GONE = "All executors are gone; Spark waits for its cluster to start new ones"
NONE = (
    "No executor yet; Spark waits for its cluster: it is busy, "
    "or none of its workers is large enough for what was asked"
)
BACK = "There are executors again"


async def watch(spark: Spark, say: Callable[[str], None]) -> None:
    """Say when jobs wait for an executor and when there is one again, until cancelled.

    Args:
        spark: the application, which runs.
        say: tells the session's owner.
    """
    from py4j.protocol import Py4JError

    had, told = False, False
    since: float | None = None
    while True:
        await asyncio.sleep(LOOK)
        try:
            executors, wanted = await spark.call(spark.executors)
        except (Py4JError, OSError):
            continue  # who looks whether the application is there says what that means
        if executors:
            if told:
                say(BACK)
            had, told, since = True, False, None
        elif wanted:
            since = since or time.monotonic()
            if not told and time.monotonic() - since > PATIENCE:
                told = True
                say(GONE if had else NONE)
        else:
            since = None
