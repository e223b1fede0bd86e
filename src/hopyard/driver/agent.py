"""The agent: everything of a driver, from its start to its end.

It runs the JVM with the Spark application and a room for each session that shares it, side by side.
It ends when the first of these says so: the last session is over, the JVM died, the application was
stopped, or a signal asks for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from typing import Any

from hopyard.driver import executors
from hopyard.driver.desk import Desk
from hopyard.driver.interpreters.kernel_process import KernelProcess
from hopyard.driver.room import Room
from hopyard.driver.spark import Application, Spark
from hopyard.protocol.messages import DriverConfig, RoomConfig

log = logging.getLogger("hopyard.driver")

LOOK = 1.0
"""Seconds between two looks whether the Spark application is there."""
LAST_WORDS = 3.0
"""Seconds that a statement has to end by itself when its application was stopped."""


class Agent:
    """One driver.

    Args:
        config: what the server started it with.
        spark: its JVM, which starts already.
        kernel: the Python kernel's process of its first session, which starts already.
    """

    def __init__(self, config: DriverConfig, spark: Spark, kernel: KernelProcess) -> None:
        self.spark = spark
        self.work_dir = config.work_dir
        self.scratch = config.conf.get("spark.local.dir")
        self._home = RoomConfig.model_validate(config, from_attributes=True)
        """Of a session that is there: with this the driver itself asks home."""
        self._desk = Desk(lambda: self._home, spark.desk, spark.mask)
        self._rooms: dict[int, Room] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._over: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """Why the driver ends."""
        self._connecting: asyncio.Task[None]
        self._starting: asyncio.Task[Application]
        self._add(self._home, kernel)

    async def run(self) -> None:
        """Live until something ends this driver; nothing of it is left afterwards."""
        loop = asyncio.get_running_loop()
        for signum in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(signum, self._end, f"it was asked to ({signum.name})")
        self._connecting = asyncio.create_task(self._connect())
        self._starting = asyncio.create_task(self._start())
        tasks: list[asyncio.Task[Any]] = [
            self._connecting,
            self._starting,
            *map(
                asyncio.create_task,
                (
                    self.spark.forward_log(),
                    self._desk.run(),
                    self._watch_jvm(),
                    self._watch_application(),
                    self._watch_executors(),
                ),
            ),
        ]
        for room in list(self._rooms.values()):
            room.open()
        reason = await self._over
        log.info("the driver ends: %s", reason)
        for room in list(self._rooms.values()):
            room.end(reason)
        await asyncio.gather(self.spark.stop(), *self._closing)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # --- the Spark application -------------------------------------------------------------------

    async def _connect(self) -> None:
        self._say("Starting the JVM")
        await self.spark.connect()

    async def _start(self) -> Application:
        await self.connected()
        self._say("Starting the Spark application")
        return await self.spark.start()

    async def connected(self) -> None:
        """Wait until the JVM is there (see `House`)."""
        await asyncio.shield(self._connecting)

    async def started(self) -> Application:
        """Wait until the Spark application runs (see `House`)."""
        return await asyncio.shield(self._starting)

    async def _watch_jvm(self) -> None:
        self._fail(await self.spark.ended())

    async def _watch_application(self) -> None:
        """End with the application: what its cluster or the user's code stopped is not idle."""
        await self.started()
        why = None
        while why is None:
            await asyncio.sleep(LOOK)
            why = await self.spark.why_stopped()
        # What runs learns it from Spark itself, and says where in the code.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS):
                await asyncio.gather(*(room.rest() for room in self._rooms.values()))
        self._fail(why)

    async def _watch_executors(self) -> None:
        await self.started()
        await executors.watch(self.spark, self._say)

    def stopped(self, reason: str) -> None:
        """A statement stopped the application: it is over for every session."""
        self._fail(reason)

    # --- the sessions ----------------------------------------------------------------------------

    def join(self, config: RoomConfig) -> None:
        """Open a room for one more session; one that is there already is known."""
        if config.session not in self._rooms and not self._over.done():
            log.info("session %d joins", config.session)
            self._add(config, None).open()

    def _add(self, config: RoomConfig, kernel: KernelProcess | None) -> Room:
        room = self._rooms[config.session] = Room(config, self, kernel)
        return room

    def left(self, room: Room, reason: str) -> None:
        """A room is over; the driver ends with the last."""
        del self._rooms[room.config.session]
        closing = asyncio.create_task(room.close(last=not self._rooms))
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)
        for other in self._rooms.values():
            self._home = other.config
        if not self._rooms:
            self._end(reason)

    def _say(self, step: str) -> None:
        for room in self._rooms.values():
            room.say(step)

    def _fail(self, reason: str) -> None:
        """End the driver since it cannot go on; each session tells its home why."""
        for room in list(self._rooms.values()):
            room.fail(reason)

    def _end(self, reason: str) -> None:
        if not self._over.done():
            self._over.set_result(reason)
