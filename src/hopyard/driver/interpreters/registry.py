"""The interpreters of a driver: each is made and started when its kind is first used.

Few sessions use more than one language, and each costs seconds and memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from hopyard.driver.interpreters.base import CannotStart, Interpreter
from hopyard.protocol.states import Kind

Makers = Mapping[Kind, Callable[[], Interpreter]]


class Interpreters:
    """Knows which kinds there are, and which of them run.

    Args:
        makers: makes an interpreter that is not started yet, by kind.
    """

    def __init__(self, makers: Makers) -> None:
        self._makers = makers
        self._running: dict[Kind, Interpreter] = {}
        self._starting: dict[Kind, asyncio.Task[Interpreter]] = {}

    def add(self, interpreter: Interpreter) -> None:
        """Take an interpreter that runs already."""
        self._running[interpreter.kind] = interpreter

    def running(self, kind: Kind) -> Interpreter | None:
        """Return a kind's interpreter if it runs."""
        return self._running.get(kind)

    async def ready(self, kind: Kind) -> Interpreter:
        """Return a kind's interpreter; at first use start it.

        A start goes on when nobody waits for it any more. One that failed is tried again next time.

        Raises:
            CannotStart: there is no such kind, or what it needs is not installed.
            InterpreterDied: it ended while it started.
            SparkFailed: it cannot join the Spark application.
        """
        if running := self._running.get(kind):
            return running
        if kind not in self._starting:
            task = self._starting[kind] = asyncio.create_task(self._start(kind))
            task.add_done_callback(lambda done: self._started(kind, done))
        return await asyncio.shield(self._starting[kind])

    async def _start(self, kind: Kind) -> Interpreter:
        maker = self._makers.get(kind)
        if maker is None:
            known = ", ".join(f"'{name.value}'" for name in {**self._running, **self._makers})
            raise CannotStart(f"No code of kind '{kind.value}' can run here. Allowed: {known}.")
        interpreter = maker()
        try:
            await interpreter.start()
        except BaseException:
            await interpreter.close()
            raise
        return interpreter

    def _started(self, kind: Kind, task: asyncio.Task[Interpreter]) -> None:
        del self._starting[kind]
        if not task.cancelled() and task.exception() is None:
            self._running[kind] = task.result()

    async def close(self) -> None:
        """End all of them."""
        starts = list(self._starting.values())
        for task in starts:
            task.cancel()
        closing = [interpreter.close() for interpreter in self._running.values()]
        await asyncio.gather(*closing, *starts, return_exceptions=True)
