"""The agent: everything of a driver, from its start to its end.

It runs the JVM, the interpreters and the connection home side by side and ends when the first of
these says so: home is gone, the JVM died, a message or a signal asks for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Coroutine
from typing import Any

from hopyard.driver import executors
from hopyard.driver.desk import Desk
from hopyard.driver.frames import Frames
from hopyard.driver.home import Home
from hopyard.driver.interpreters.base import CannotStart, InterpreterDied
from hopyard.driver.interpreters.jupyter import KernelProcess
from hopyard.driver.interpreters.python import PythonInterpreter
from hopyard.driver.interpreters.r import RInterpreter
from hopyard.driver.interpreters.registry import Interpreters, Makers
from hopyard.driver.interpreters.scala import ScalaInterpreter
from hopyard.driver.interpreters.sql import SqlInterpreter
from hopyard.driver.outbox import Outbox
from hopyard.driver.spark import Spark, SparkFailed
from hopyard.driver.statements import Statements
from hopyard.protocol.messages import (
    Answer,
    Cancel,
    Complete,
    DownMessage,
    DriverConfig,
    Drop,
    Ended,
    Execute,
    Failed,
    Fetch,
    Input,
    Inspect,
    Ready,
    Shutdown,
    Step,
)
from hopyard.protocol.states import Kind

log = logging.getLogger("hopyard.driver")

LOOK = 1.0
"""Seconds between two looks whether the Spark application is there."""
LAST_WORDS = 3.0
"""Seconds that a statement has to end by itself when its application was stopped."""
GOODBYE = 3.0
"""Seconds that the last messages may take to be acknowledged."""


class Agent:
    """One driver.

    Args:
        config: what the server started it with.
        spark: its JVM, which starts already.
        kernel: its Python kernel's process, which starts already.
    """

    def __init__(self, config: DriverConfig, spark: Spark, kernel: KernelProcess) -> None:
        self._config = config
        self._spark = spark
        self._outbox = Outbox(spark.mask)
        self._python = PythonInterpreter(spark, config.work_dir, kernel)
        makers: Makers = {
            Kind.SPARK: lambda: ScalaInterpreter(spark),
            Kind.SQL: lambda: SqlInterpreter(spark),
            Kind.SPARKR: lambda: RInterpreter(spark, config.work_dir),
        }
        self._interpreters = Interpreters(makers)
        self._interpreters.add(self._python)
        self._statements = Statements(
            spark, self._interpreters, self._outbox, config.output_limit, self._fail
        )
        self._frames = Frames(config, spark, self._interpreters, self._outbox)
        self._desk = Desk(config, spark.desk, spark.mask)
        self._home = Home(config, self._outbox, self._handle, self._statements.unfinished)
        self._over: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """Why the driver ends."""
        self._at_home = True
        self._tasks: set[asyncio.Task[Any]] = set()

    async def run(self) -> None:
        """Live until something ends this driver; nothing of it is left afterwards."""
        loop = asyncio.get_running_loop()
        for signum in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(signum, self._end, f"it was asked to ({signum.name})")
        home = asyncio.create_task(self._stay_home())
        log_forwarding = asyncio.create_task(self._spark.forward_log())
        desk = asyncio.create_task(self._desk.run())
        work = asyncio.create_task(self._work())
        jvm = asyncio.create_task(self._watch_jvm())
        reason = await self._over
        log.info("the driver ends: %s", reason)
        work.cancel()
        jvm.cancel()
        if self._at_home:
            self._statements.fail_all(f"The session ended: {reason}.")
            self._outbox.put(Ended(reason=reason))
        closing = self._interpreters.close()
        await asyncio.gather(self._spark.stop(), self._say_goodbye(), closing)
        for task in (home, desk, log_forwarding, work, jvm, *self._tasks):
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work

    async def _say_goodbye(self) -> None:
        """Give the last messages time to arrive."""
        if self._at_home:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GOODBYE):
                    await self._outbox.drained()

    async def _stay_home(self) -> None:
        reason = await self._home.run()
        self._at_home = False
        self._end(reason)

    async def _watch_jvm(self) -> None:
        self._fail(await self._spark.ended())

    async def _watch_application(self) -> None:
        """End with the application: what its cluster or the user's code stopped is not idle."""
        why = None
        while why is None:
            await asyncio.sleep(LOOK)
            why = await self._spark.why_stopped()
        # What runs learns it from Spark itself, and says where in the code.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS):
                await self._statements.rest()
        self._fail(why)

    async def _work(self) -> None:
        """Start the Spark application, then run statements."""
        try:
            await self._start()
        except (SparkFailed, InterpreterDied) as error:
            self._fail(str(error))
            return
        await self._statements.run()

    async def _start(self) -> None:
        """Start JVM, Spark application and Python, as much as possible at the same time."""
        self._outbox.put(Step(text="Starting the JVM"))
        await self._spark.connect()
        self._outbox.put(Step(text="Starting the Spark application"))
        connecting = asyncio.create_task(self._python.connect())
        try:
            application = await self._spark.start()
        except SparkFailed:
            connecting.cancel()
            raise
        self._outbox.put(Step(text="Joining Python to Spark"))
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
        self._go(self._watch_application())
        self._go(executors.watch(self._spark, self._say))

    async def _warm_up(self) -> None:
        """Make ready what the first cells need, while nobody waits for it."""
        await self._spark.warm_up()
        for kind in self._config.warm:
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
        elif isinstance(message, Shutdown):
            self._end(message.reason or "the server asked for it")

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
        self._outbox.put(Answer(request=message.request, content=content))

    def _say(self, step: str) -> None:
        self._outbox.put(Step(text=step))

    def _go(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _fail(self, reason: str) -> None:
        """End the driver since it cannot start or go on; tell home why."""
        if not self._over.done():
            reason = reason[:1].upper() + reason[1:]
            self._statements.fail_all(reason)
            self._outbox.put(Failed(reason=reason))
            self._end(reason)

    def _end(self, reason: str) -> None:
        if not self._over.done():
            self._over.set_result(reason)
