"""What one session has for itself of a Spark application that several may share.

Its own SparkSession: temporary views and SQL settings are its own; the catalogue, cached tables and
the executors are everybody's. And its own py4j server in the JVM, where its Python kernels connect:
Java calls Python back through it (`foreachBatch`), and would otherwise call whichever kernel came
last.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from typing import Any

from hopyard.driver.interpreters.calls import Calls
from hopyard.driver.spark import Spark

CLOSING = 5.0
"""Seconds that the end of streaming queries may take."""


class Workspace:
    """One session's part of the Spark application.

    Args:
        spark: the driver's JVM.
        number: the session's number.
    """

    def __init__(self, spark: Spark, number: int) -> None:
        self.spark = spark
        self.number = number
        self.port = 0
        self.secret = secrets.token_hex(32)
        self.session: Any = None
        """Its SparkSession in the JVM."""
        self.shelf: Any = None
        """A map in the JVM over which interpreters' processes and the agent hand objects: to them
        the `session`, from them a DataFrame for a moment."""
        self._server: Any = None

    async def connect(self) -> None:
        """Open the door for Python kernels; the JVM must run, Spark need not yet."""
        await self.spark.call(self._connect)

    def _connect(self) -> None:
        jvm = self.spark.jvm
        self.shelf = jvm.java.util.concurrent.ConcurrentHashMap()
        self._server = (
            jvm.py4j.ClientServer.ClientServerBuilder(self.shelf)
            .javaPort(0)
            .javaAddress(jvm.java.net.InetAddress.getLoopbackAddress())
            .authToken(self.secret)
            .build()
        )
        self._server.startServer()
        self.port = self._server.getJavaServer().getListeningPort()

    async def open(self, *, first: bool) -> None:
        """Make its SparkSession; the first session of an application has Spark's first."""
        await self.spark.call(self._open, first)

    def _open(self, first: bool) -> None:
        session = self.spark.session
        self.session = session if first else session.newSession()
        self.shelf.put("session", self.session)

    def keep_default(self) -> None:
        """Undo that a kernel's PySpark made its session the application's default."""
        sessions = self.spark.jvm.org.apache.spark.sql.classic.SparkSession
        sessions.setDefaultSession(self.spark.session)

    def group(self, statement: int) -> str:
        """Return the name of the Spark job group of a statement."""
        return f"hopyard-session-{self.number}-statement-{statement}"

    async def take(self, name: str) -> Any:
        """Return what an interpreter's process put on the shelf."""
        return await self.spark.call(self.shelf.remove, name)

    async def warm_up(self) -> None:
        """Load what the first query needs, while nobody waits for it."""
        from py4j.protocol import Py4JError

        with contextlib.suppress(Py4JError, OSError):
            await self.spark.call(lambda: self.session.sessionState().analyzer())

    async def close(self) -> None:
        """Leave the application to the other sessions: end streaming queries, close the door."""
        from py4j.protocol import Py4JError

        calls = Calls("close")
        with contextlib.suppress(Py4JError, OSError, TimeoutError):
            async with asyncio.timeout(CLOSING):
                await calls.run(self._close)
        calls.give_up()

    def _close(self) -> None:
        if self.session is not None:
            for query in self.session.streams().active():
                query.stop()
        if self._server is not None:
            self._server.shutdown()
