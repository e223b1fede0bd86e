"""One session in a driver: its interpreters, its statements and its own line home.

Several of them may share the driver's Spark application; each ends by itself, the driver ends with
the last.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
from collections.abc import Coroutine
from typing import Any, Protocol

from hopyard.driver.frames import Frames
from hopyard.driver.home import Home
from hopyard.driver.interpreters.base import CannotStart, InterpreterDied
from hopyard.driver.interpreters.kernel_process import KernelProcess
from hopyard.driver.interpreters.python import (
    PythonInterpreter,
    packages_folder,
    python_process,
)
from hopyard.driver.interpreters.r import RInterpreter
from hopyard.driver.interpreters.registry import Interpreters, Makers
from hopyard.driver.interpreters.scala import ScalaInterpreter
from hopyard.driver.interpreters.sql import SqlInterpreter
from hopyard.driver.outbox import Outbox
from hopyard.driver.spark import Application, Spark, SparkFailed
from hopyard.driver.statements import Statements
from hopyard.driver.workspace import Workspace
from hopyard.protocol.messages import (
    Answer,
    Cancel,
    Complete,
    DownMessage,
    Drop,
    Ended,
    Execute,
    Failed,
    Fetch,
    Input,
    Inspect,
    Join,
    Ready,
    RoomConfig,
    Shutdown,
    Step,
    largest_frame,
)
from hopyard.protocol.states import Kind

log = logging.getLogger("hopyard.driver")

GOODBYE = 3.0
"""Seconds that the last messages may take to be acknowledged."""


class House(Protocol):
    """The driver, as one of its rooms knows it."""

    spark: Spark
    work_dir: str
    scratch: str | None
    """The folder for scratch files; None: where they usually are."""

    async def connected(self) -> None:
        """Wait until the JVM is there.

        Raises:
            SparkFailed: it ended instead.
        """

    async def started(self) -> Application:
        """Wait until the Spark application runs.

        Raises:
            SparkFailed: it cannot start.
        """

    def join(self, config: RoomConfig) -> None:
        """Open a room for one more session."""

    def left(self, room: Room, reason: str) -> None:
        """A room is over."""

    def stopped(self, reason: str) -> None:
        """The Spark application was stopped."""


class Room:
    """One session.

    Args:
        config: where its home is.
        house: the driver.
        kernel: its Python kernel's process, which an application's first session has already.
    """

    def __init__(self, config: RoomConfig, house: House, kernel: KernelProcess | None) -> None:
        self.config = config
        self._house = house
        self._first = kernel is not None
        spark, work_dir = house.spark, house.work_dir
        self._workspace = Workspace(spark, config.session)
        self._outbox = Outbox(spark.mask, largest_frame(config.output_limit))
        self._installed = packages_folder(spark.folder, house.scratch, config.session)
        if kernel is None:
            kernel = python_process(spark.folder, spark.environment, work_dir, self._installed)
        self._python = PythonInterpreter(self._workspace, work_dir, self._installed, kernel)
        makers: Makers = {
            Kind.SPARK: lambda: ScalaInterpreter(self._workspace),
            Kind.SQL: lambda: SqlInterpreter(self._workspace),
            Kind.SPARKR: lambda: RInterpreter(self._workspace, work_dir),
        }
        self._interpreters = Interpreters(makers)
        self._interpreters.add(self._python)
        self._statements = Statements(
            self._workspace,
            self._interpreters,
            self._outbox,
            config.output_limit,
            self.fail,
            house.stopped,
        )
        self._frames = Frames(
            config, house.scratch, self._workspace, self._interpreters, self._outbox
        )
        self._home = Home(config, self._outbox, self._handle, self._statements.unfinished)
        self._at_home = True
        self._over = False
        self._tasks: set[asyncio.Task[Any]] = set()
        self._work: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Dial home, and begin to work."""
        self._go(self._stay_home())
        self._work = self._go(self._run())

    def say(self, step: str) -> None:
        """Tell home what happens while the session starts."""
        self._outbox.put(Step(text=step))

    async def rest(self) -> None:
        """Wait until no statement runs."""
        await self._statements.rest()

    def fail(self, reason: str) -> None:
        """End since it cannot start or go on; tell home why."""
        if not self._over:
            reason = reason[:1].upper() + reason[1:]
            self._statements.give_up()
            self._statements.fail_all(reason)
            self._outbox.put(Failed(reason=reason))
            self.end(reason)

    def end(self, reason: str) -> None:
        """End in order; `close` is to follow."""
        if self._over:
            return
        self._over = True
        log.info("session %d ends: %s", self.config.session, reason)
        if self._work is not None:
            self._work.cancel()
        self._statements.give_up()
        if self._at_home:
            self._statements.fail_all(f"The session ended: {reason}.")
            self._outbox.put(Ended(reason=reason))
        self._house.left(self, reason)

    async def close(self, *, last: bool) -> None:
        """Give the last messages time to arrive, and leave nothing behind.

        Args:
            last: whether the application ends too.
        """
        await asyncio.gather(self._say_goodbye(), self._interpreters.close())
        await asyncio.to_thread(shutil.rmtree, self._installed, ignore_errors=True)
        for task in self._tasks:
            task.cancel()
        if not last:
            await self._workspace.close()

    async def _say_goodbye(self) -> None:
        if self._at_home:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GOODBYE):
                    await self._outbox.drained()

    async def _stay_home(self) -> None:
        reason = await self._home.run()
        self._at_home = False
        self.end(reason)

    async def _run(self) -> None:
        """Join the Spark application, then run statements."""
        try:
            await self._begin()
        except (SparkFailed, InterpreterDied) as error:
            self.fail(str(error))
            return
        except Exception as error:  # else the session would start for ever
            log.exception("session %d cannot start", self.config.session)
            self.fail(f"The session cannot start: {type(error).__name__}: {error}")
            return
        await self._statements.run()

    async def _begin(self) -> None:
        """Wait for the application and make Python ready, as much as possible at the same time."""
        await self._house.connected()
        await self._workspace.connect()
        connecting = asyncio.create_task(self._python.connect())
        try:
            application = await self._house.started()
            await self._workspace.open(first=self._first)
        except BaseException:
            connecting.cancel()
            raise
        self.say("Joining Python to Spark")
        await connecting
        await self._python.attach()
        self._outbox.put(
            Ready(
                app_id=application.id,
                ui_url=application.ui_url,
                spark_version=application.version,
                master=application.master,
            )
        )
        self._go(self._warm_up())

    async def _warm_up(self) -> None:
        """Make ready what the first cells need, while nobody waits for it."""
        await self._workspace.warm_up()
        for kind in self.config.warm:
            try:
                await self._interpreters.ready(kind)
            except (CannotStart, InterpreterDied, SparkFailed) as error:
                log.info("%s is not ready beforehand: %s", kind.value, error)
            else:
                log.info("%s is ready beforehand", kind.value)

    def _handle(self, message: DownMessage) -> None:
        """Take a message from home; what takes longer runs beside."""
        if isinstance(message, Execute):
            self._statements.add(message)
        elif isinstance(message, Cancel):
            self._statements.cancel(message.statement)
        elif isinstance(message, Complete | Inspect):
            self._go(self._answer(message))
        elif isinstance(message, Input):
            self._statements.answer(message)
        elif isinstance(message, Fetch):
            self._go(self._frames.send(message))
        elif isinstance(message, Drop):
            self._go(self._frames.drop(message.request))
        elif isinstance(message, Join):
            self._house.join(message.room)
        elif isinstance(message, Shutdown):
            self.end(message.reason or "the server asked for it")

    async def _answer(self, message: Complete | Inspect) -> None:
        content: dict[str, Any]
        try:
            interpreter = await self._interpreters.ready(message.kind)
            if isinstance(message, Complete):
                content = await interpreter.complete(message.code, message.cursor)
            else:
                content = await interpreter.inspect(message.code, message.cursor, message.detail)
        except (CannotStart, InterpreterDied, SparkFailed) as error:
            content = {"status": "error", "evalue": str(error)}
        except Exception as error:  # whatever it is: who asked waits
            log.exception("a question about code cannot be answered")
            content = {"status": "error", "evalue": f"{type(error).__name__}: {error}"}
        self._outbox.put(Answer(request=message.request, content=content))

    def _go(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
