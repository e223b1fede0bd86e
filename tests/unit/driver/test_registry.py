import asyncio
from typing import Any, ClassVar

import pytest

from hopyard.driver.interpreters.base import (
    CannotStart,
    Code,
    Interpreter,
    InterpreterDied,
    Outcome,
    Output,
)
from hopyard.driver.interpreters.registry import Interpreters
from hopyard.protocol.states import Kind


class Slow(Interpreter):
    """Starts when it is let; the first `failures` times it does not."""

    kind: ClassVar[Kind] = Kind.SPARK

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.made = 0
        self.starts = 0
        self.closed = 0
        self.begun = asyncio.Event()
        self.go = asyncio.Event()

    def make(self) -> Interpreter:
        self.made += 1
        return self

    async def start(self) -> None:
        self.starts += 1
        self.begun.set()
        await self.go.wait()
        if self.starts <= self.failures:
            raise InterpreterDied("it fell over")

    async def execute(self, code: Code, output: Output) -> Outcome:
        return Outcome("ok")

    async def complete(self, code: str, cursor: int) -> dict[str, Any]:
        return {}

    async def inspect(self, code: str, cursor: int, detail: int) -> dict[str, Any]:
        return {}

    async def interrupt(self) -> None: ...

    async def restart(self) -> None: ...

    async def close(self) -> None:
        self.closed += 1


async def test_an_interpreter_is_started_once_at_first_use() -> None:
    slow = Slow()
    interpreters = Interpreters({Kind.SPARK: slow.make})
    assert slow.made == 0
    both = asyncio.gather(interpreters.ready(Kind.SPARK), interpreters.ready(Kind.SPARK))
    slow.go.set()
    assert await both == [slow, slow]
    assert await interpreters.ready(Kind.SPARK) is slow
    assert (slow.made, slow.starts) == (1, 1)
    await interpreters.close()
    assert slow.closed == 1


async def test_a_start_goes_on_when_nobody_waits_for_it() -> None:
    slow = Slow()
    interpreters = Interpreters({Kind.SPARK: slow.make})
    waiting = asyncio.create_task(interpreters.ready(Kind.SPARK))
    await slow.begun.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    slow.go.set()
    assert await interpreters.ready(Kind.SPARK) is slow
    assert slow.starts == 1


async def test_a_failed_start_is_told_and_tried_again() -> None:
    slow = Slow(failures=1)
    slow.go.set()
    interpreters = Interpreters({Kind.SPARK: slow.make})
    with pytest.raises(InterpreterDied, match="fell over"):
        await interpreters.ready(Kind.SPARK)
    assert slow.closed == 1
    assert await interpreters.ready(Kind.SPARK) is slow


async def test_a_start_is_ended_by_close() -> None:
    slow = Slow()
    interpreters = Interpreters({Kind.SPARK: slow.make})
    waiting = asyncio.create_task(interpreters.ready(Kind.SPARK))
    await slow.begun.wait()
    await interpreters.close()
    assert slow.closed == 1
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_an_unknown_kind_says_what_is_allowed() -> None:
    interpreters = Interpreters({Kind.SQL: Slow().make})
    with pytest.raises(CannotStart, match=r"kind 'sparkr' can run here. Allowed: 'sql'"):
        await interpreters.ready(Kind.SPARKR)
