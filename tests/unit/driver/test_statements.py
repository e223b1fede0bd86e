"""When statements begin and end, on a machine whose clock is set."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

import pytest

from hopyard.driver import statements
from hopyard.driver.interpreters.base import Outcome
from hopyard.driver.outbox import Outbox
from hopyard.driver.statements import Statements
from hopyard.driver.workspace import Workspace
from hopyard.protocol.messages import Execute
from hopyard.protocol.states import Kind


class Instant:
    """An interpreter that is done at once."""

    async def execute(self, code: Any, output: Any) -> Outcome:
        return Outcome("ok")


class Registry:
    """Has it for every kind."""

    def running(self, kind: Kind) -> Any:
        return Instant()


class Working:
    """A Spark application that goes on."""

    gone = False

    async def why_stopped(self) -> str | None:
        return None


async def test_end_is_never_before_the_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([1_000_000_000, 5])  # the machine's clock is set back in between
    monkeypatch.setattr(statements, "milliseconds", lambda: next(clock, 5))
    outbox = Outbox()
    registry: Any = Registry()
    spark: Any = Working()
    running = Statements(Workspace(spark, 1), registry, outbox, 1000, pytest.fail, pytest.fail)
    running.add(Execute(statement=0, code="1", kind=Kind.PYSPARK, request="r-1"))
    assert running.unfinished() == [0]
    task = asyncio.create_task(running.run())
    said = json.loads(await asyncio.wait_for(outbox.next(), 10))
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert said["type"] == "result"
    assert said["began"] == 1_000_000_000
    assert 0 <= said["at"] - said["began"] < 10_000
    assert running.unfinished() == []
