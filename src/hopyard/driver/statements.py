"""The statements of a session: one runs, the others wait in their order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from hopyard.driver import added, progress
from hopyard.driver.interpreters.base import (
    CannotStart,
    Code,
    Interpreter,
    InterpreterDied,
    Outcome,
    not_shown,
)
from hopyard.driver.interpreters.registry import Interpreters
from hopyard.driver.outbox import Outbox
from hopyard.driver.output import StatementOutput
from hopyard.driver.spark import SparkFailed
from hopyard.driver.workspace import Workspace
from hopyard.protocol.messages import Execute, Input, Result, Started
from hopyard.protocol.states import Kind

log = logging.getLogger("hopyard.driver")

AGAIN_AFTER = 5.0
"""Seconds from a cancel to the second interrupt."""
JOBS_END = 5.0
"""Seconds that a result waits at most for the cancel of the statement's Spark jobs."""
LATE = (0.3, 0.7, 1.0, 2.0, 3.0, 3.0)
"""Seconds between looks for jobs that come after a cancel."""
STOPPING_TAKES = 0.02
"""Seconds that a statement takes at least if it stops the Spark application."""
RESTART_AFTER = 10.0
"""Seconds from a cancel to the restart of the interpreter."""


def milliseconds() -> int:
    """Return the time as the wire has it."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True)
class _Begun:
    """When a statement began, by the machine's clock and by one that never jumps."""

    statement: int
    at: int
    monotonic: float


class _Running:
    """The statement that runs now."""

    def __init__(self, message: Execute, group: str, starting: asyncio.Future[Interpreter]) -> None:
        self.message = message
        self.group = group
        self.starting = starting
        """Gives the interpreter; takes long when its kind is used for the first time."""
        self.cancelling: asyncio.Task[None] | None = None
        self.output: StatementOutput | None = None
        self.forced = False
        """Whether the interpreter was restarted since the code did not stop."""

    @property
    def interpreter(self) -> Interpreter:
        """What runs the statement, once it has started."""
        return self.starting.result()


class Statements:
    """Queues, runs and cancels statements.

    Args:
        workspace: the session's part of the Spark application.
        interpreters: by kind; one that cannot start is an error of the statement.
        outbox: where output and results go.
        output_limit: characters of one statement's output.
        fatal: called when nothing can run any more: an interpreter cannot be made again.
        stopped: called when a statement stopped the Spark application.
    """

    def __init__(
        self,
        workspace: Workspace,
        interpreters: Interpreters,
        outbox: Outbox,
        output_limit: int,
        fatal: Callable[[str], None],
        stopped: Callable[[str], None],
    ) -> None:
        self._workspace = workspace
        self._spark = workspace.spark
        self._interpreters = interpreters
        self._outbox = outbox
        self._output_limit = output_limit
        self._fatal = fatal
        self._stopped = stopped
        self._known: set[int] = set()
        self._waiting: deque[Execute] = deque()
        self._news = asyncio.Event()
        self._resting = asyncio.Event()
        """Set while nothing runs and nothing waits."""
        self._running: _Running | None = None
        self._late: set[asyncio.Task[None]] = set()
        """Cancel Spark jobs; they go on for a while when the code has stopped."""
        self._begun: _Begun | None = None

    def add(self, message: Execute) -> None:
        """Take a statement, once; what is already known is ignored."""
        if message.statement in self._known:
            return
        self._known.add(message.statement)
        self._waiting.append(message)
        self._news.set()

    def unfinished(self) -> list[int]:
        """Return the statements that run or wait."""
        running = [self._running.message.statement] if self._running else []
        return [*running, *(message.statement for message in self._waiting)]

    def cancel(self, statement: int) -> None:
        """Stop a statement, or take it out of the queue."""
        for message in self._waiting:
            if message.statement == statement:
                self._waiting.remove(message)
                self._finish(statement, _CANCELLED, cancelled=True)
                return
        running = self._running
        if running is None or running.message.statement != statement:
            return
        if not running.starting.done():
            running.starting.cancel()
        elif running.cancelling is None:
            self._cancel_all_jobs(running.group)
            running.cancelling = asyncio.create_task(self._stop(running))

    def answer(self, message: Input) -> None:
        """Hand an answer to the statement that asked."""
        running = self._running
        if running and running.output and running.message.statement == message.statement:
            running.output.questions.answer(message)

    async def rest(self) -> None:
        """Wait until nothing runs."""
        await self._resting.wait()

    def give_up(self) -> None:
        """Leave what runs to its end and cancel its Spark jobs: other sessions want the cores."""
        if self._running is not None:
            self._cancel_all_jobs(self._running.group)

    def fail_all(self, reason: str) -> None:
        """End what runs and what waits with an error: the driver ends."""
        gone = Outcome("error", ename="SessionEnded", evalue=reason)
        if self._running is not None:
            self._finish(self._running.message.statement, gone, last=True)
            self._running = None
        while self._waiting:
            self._finish(self._waiting.popleft().statement, gone, last=True)

    async def run(self) -> None:
        """Run statement after statement, for ever."""
        while True:
            while not self._waiting:
                self._news.clear()
                self._resting.set()
                await self._news.wait()
            self._resting.clear()
            await self._one(self._waiting.popleft())

    async def _one(self, message: Execute) -> None:
        begun = self._begun = _Begun(message.statement, milliseconds(), time.monotonic())
        self._log(message.statement, f"begins (request {message.request or '-'})")
        self._outbox.begin(Started(statement=message.statement, at=begun.at))
        starting = self._start(message.kind)
        group = self._workspace.group(message.statement)
        running = self._running = _Running(message, group, starting)
        if not starting.done():
            await asyncio.wait({starting})
        if self._running is not running:  # ended meanwhile, with the driver
            return
        try:
            await self._run(running, starting.result())
        except asyncio.CancelledError:
            if not starting.cancelled():
                raise
            self._running = None
            self._finish(message.statement, _CANCELLED, cancelled=True)
        except (CannotStart, InterpreterDied, SparkFailed) as error:
            self._running = None
            cannot = Outcome("error", ename="CannotStart", evalue=str(error))
            self._finish(message.statement, cannot)
        except Exception as error:  # whatever it is, it ends this statement and nothing else
            log.exception("statement %d cannot be run", message.statement)
            self._running = None
            self._finish(message.statement, _not_shown(error))

    def _start(self, kind: Kind) -> asyncio.Future[Interpreter]:
        """Return a kind's interpreter, now if it runs: a task would cost short code its time."""
        running = self._interpreters.running(kind)
        if running is None:
            return asyncio.create_task(self._interpreters.ready(kind))
        there: asyncio.Future[Interpreter] = asyncio.get_running_loop().create_future()
        there.set_result(running)
        return there

    async def _run(self, running: _Running, interpreter: Interpreter) -> None:
        message = running.message
        output = StatementOutput(message.statement, self._outbox, self._output_limit)
        running.output = output
        reporting = progress.Reporting(self._spark, self._outbox, message.statement, running.group)
        text = message.code.removeprefix("\ufeff")  # what some editors begin a file with
        lines = text.strip().splitlines()
        code = Code(text, running.group, lines[0][:200] if lines else "", silent=message.silent)
        died = None
        try:
            outcome = await interpreter.execute(code, output)
        except InterpreterDied as error:
            died = str(error)
            outcome = _died(died, running)
        finally:
            reporting.cancel()
        if running.cancelling is not None:
            running.cancelling.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running.cancelling
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(JOBS_END):
                    await self._spark.cancel(running.group)
        output.flush()
        if outcome.status == "error" and self._begun is not None:
            await added.forget_unfetched(self._spark, self._begun.at)
        if self._running is not running:  # ended meanwhile, with the driver
            return
        if died is not None:
            await self._revive(running)
        # Code that takes less cannot have stopped it, and must not wait for the answer.
        stopped = None
        if self._took() > STOPPING_TAKES:
            stopped = await self._spark.why_stopped()
        if self._running is not running:  # ended meanwhile, with the driver
            return
        self._running = None
        outcome = output.result(outcome)
        cancelled = running.cancelling is not None and outcome.status == "error"
        last = stopped is not None or self._spark.gone
        self._finish(message.statement, outcome, cancelled=cancelled, last=last)
        if stopped is not None:
            self._stopped(stopped)

    def _cancel_all_jobs(self, group: str) -> None:
        jobs = asyncio.create_task(self._cancel_jobs(group))
        self._late.add(jobs)
        jobs.add_done_callback(self._late.discard)

    async def _cancel_jobs(self, group: str) -> None:
        """Cancel jobs that run, and those that come late.

        Spark is to do the latter itself, but forgets it (4.3) for stages of adaptive execution:
        such a job would have all processors for ever.
        """
        for pause in LATE:
            await self._spark.cancel(group)
            await asyncio.sleep(pause)

    async def _revive(self, running: _Running) -> None:
        """Make a fresh interpreter on the same Spark application."""
        await self._spark.cancel(running.group)
        log.warning("restarting the %s interpreter", running.interpreter.kind.value)
        try:
            await running.interpreter.restart()
        except (InterpreterDied, SparkFailed) as error:
            self._fatal(f"the interpreter ended and cannot be started again: {error}")

    async def _stop(self, running: _Running) -> None:
        """Stop a statement: ask, ask again, then take its interpreter away."""
        await running.interpreter.interrupt()
        await asyncio.sleep(AGAIN_AFTER)
        await running.interpreter.interrupt()
        await asyncio.sleep(RESTART_AFTER - AGAIN_AFTER)
        running.forced = True
        await running.interpreter.close()

    def _log(self, statement: int, what: str) -> None:
        # With the session, since several may share the log.
        log.info("session %d, statement %d %s", self._workspace.number, statement, what)

    def _took(self) -> float:
        """Return how long the last statement has run."""
        return time.monotonic() - self._begun.monotonic if self._begun else 0.0

    def _finish(
        self,
        statement: int,
        outcome: Outcome,
        cancelled: bool = False,
        last: bool = False,
    ) -> None:
        at, took, begun = milliseconds(), 0.0, self._begun
        if begun is not None and begun.statement == statement:
            took = self._took()
            at = begun.at + round(took * 1000)  # also when the machine's clock was set meanwhile
        status = "cancelled" if cancelled else outcome.status
        self._outbox.put(
            Result(
                statement=statement,
                at=at,
                status=status,
                data=outcome.data,
                metadata=outcome.metadata,
                ename=outcome.ename,
                evalue=outcome.evalue,
                traceback=list(outcome.traceback),
                last=last,
            )
        )
        # The result goes first.
        ended = f"ended: {status} after {took:.3f} s"
        asyncio.get_running_loop().call_soon(self._log, statement, ended)


_CANCELLED = Outcome("error", ename="Cancelled", evalue="The statement was cancelled.")


def _not_shown(error: Exception) -> Outcome:
    ename, evalue = not_shown(error)
    return Outcome("error", ename=ename, evalue=evalue)


def _died(how: str, running: _Running) -> Outcome:
    """Return what the user is told about a statement whose interpreter ended."""
    cost = running.interpreter.lost_by_restart
    if running.forced:
        text = (
            f"The code did not stop within {RESTART_AFTER:.0f} seconds, so its interpreter was "
            f"restarted: {cost}, the Spark application goes on."
        )
        return Outcome("error", ename="InterpreterRestarted", evalue=text)
    text = (
        f"{how} while this statement ran. A fresh interpreter was started: {cost}, "
        "the Spark application goes on."
    )
    return Outcome("error", ename="InterpreterDied", evalue=text)
