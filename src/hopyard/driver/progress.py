"""How far the Spark jobs of a statement are."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from hopyard.driver.outbox import Outbox
from hopyard.driver.spark import Spark
from hopyard.protocol.messages import Progress

PATIENCE = 0.5
"""Seconds before the first look, and between two."""
JOBS = 50
"""Jobs that are looked at in one go; those that are over are remembered."""


@dataclass(frozen=True)
class _Sum:
    stages: int = 0
    tasks: int = 0
    done: int = 0
    failed: int = 0

    def __add__(self, other: _Sum) -> _Sum:
        return _Sum(
            self.stages + other.stages,
            self.tasks + other.tasks,
            self.done + other.done,
            self.failed + other.failed,
        )


@dataclass
class JobCounter:
    """Counts the tasks of a job group with Spark's status tracker; runs outside of the loop."""

    group: str
    over: dict[int, _Sum] = field(default_factory=dict)

    def count(self, tracker: Any) -> tuple[int, _Sum]:
        """Return how many jobs there are, and their tasks."""
        jobs = sorted(tracker.getJobIdsForGroup(self.group))
        total = sum(self.over.values(), _Sum())
        for job in [job for job in jobs if job not in self.over][-JOBS:]:
            found = tracker.getJobInfo(job)
            if not found.isDefined():
                continue
            info = found.get()
            counted = sum((_stage(tracker, stage) for stage in info.stageIds()), _Sum())
            total += counted
            if info.status().toString() != "RUNNING":
                self.over[job] = counted
        return len(jobs), total


def _stage(tracker: Any, stage: int) -> _Sum:
    found = tracker.getStageInfo(stage)
    if not found.isDefined():
        return _Sum()
    info = found.get()
    return _Sum(1, info.numTasks(), info.numCompletedTasks(), info.numFailedTasks())


class Reporting:
    """Sends how far a statement's jobs are, while something changes, until cancelled.

    Args:
        spark: the application.
        outbox: where it goes.
        statement: which one.
        group: its jobs.
    """

    def __init__(self, spark: Spark, outbox: Outbox, statement: int, group: str) -> None:
        self._task: asyncio.Task[None] | None = None

        def begin() -> None:
            self._task = asyncio.create_task(_report(spark, outbox, statement, group))

        # Most statements are over before the first look, and never make a task.
        self._begin = asyncio.get_running_loop().call_later(PATIENCE, begin)

    def cancel(self) -> None:
        """Send no more."""
        self._begin.cancel()
        if self._task is not None:
            self._task.cancel()


async def _report(spark: Spark, outbox: Outbox, statement: int, group: str) -> None:
    from py4j.protocol import Py4JError

    counter = JobCounter(group)
    last = None
    while True:
        try:
            jobs, total = await spark.call(lambda: counter.count(spark.tracker()))
            executors, _ = await spark.call(spark.executors) if jobs else (0, False)
        except (Py4JError, OSError):
            return  # the JVM is gone, or the application was stopped by the user
        if jobs and (jobs, total, executors) != last:
            last = (jobs, total, executors)
            outbox.put(
                Progress(
                    statement=statement,
                    fraction=min(1.0, total.done / total.tasks) if total.tasks else 0.0,
                    jobs=jobs,
                    stages=total.stages,
                    tasks=total.tasks,
                    tasks_done=total.done,
                    tasks_failed=total.failed,
                    executors=executors,
                )
            )
        await asyncio.sleep(PATIENCE)
