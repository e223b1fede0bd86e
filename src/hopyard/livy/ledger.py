"""The one writer of the Livy server's tables, and their reads.

Everything that must be written before it is answered or acknowledged goes through `write`. Writes
that come while one transaction is being committed are put into the next one together (group
commit): under load many sessions share a transaction, and alone one waits for nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqlalchemy import Connection, Engine, Executable, Row, Select
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    NotSupportedError,
    SQLAlchemyError,
    StatementError,
)
from sqlalchemy.ext.asyncio import AsyncEngine

from hopyard import log
from hopyard.errors import Unavailable
from hopyard.livy import metrics

Write = tuple[Executable, Any]
"""A statement of SQLAlchemy and its parameters (a dictionary, a list of them, or None)."""


class Unwritable(Unavailable):
    """The database would not take this, however often it is asked."""


_log = log.get(__name__)
_Waiting = tuple[Sequence[Write], "asyncio.Future[list[Any]]"]


class Ledger:
    """Writes down and reads.

    Args:
        engine: the database, for reading.
        writer: the same; a transaction runs whole in a thread of its own, since one that comes back
            to the event loop after each statement takes three times as long.
    """

    def __init__(self, engine: AsyncEngine, writer: Engine) -> None:
        self._engine = engine
        self._writer = writer
        self._thread = ThreadPoolExecutor(1, "ledger")
        self._waiting: list[_Waiting] = []
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closing = False

    def start(self) -> None:
        """Begin to write."""
        self._task = asyncio.create_task(self._run(), name="ledger")

    async def close(self) -> None:
        """Stop writing, after what was asked for."""
        self._closing = True
        self._wake.set()
        if self._task is not None:
            await self._task
        self._thread.submit(self._writer.dispose)
        self._thread.shutdown()
        await self._engine.dispose()

    async def write(self, *writes: Write) -> list[Any]:
        """Write down, in one transaction; return the primary keys that inserts made.

        Raises:
            Unwritable: there is a value in it that the database cannot have.
            Unavailable: the database refuses or does not answer; nothing of it is written.
        """
        done: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        self._waiting.append((writes, done))
        self._wake.set()
        # Shielded: what a client asked for is written even when the client goes away.
        return await asyncio.shield(done)

    async def read(self, query: Select[Any]) -> Sequence[Row[Any]]:
        """Return the rows of a query.

        Raises:
            Unavailable: the database does not answer.
        """
        try:
            async with self._engine.connect() as connection:
                found: Sequence[Row[Any]] = (await connection.execute(query)).all()
                return found
        except SQLAlchemyError as error:
            _log.error("read failed", error=str(error))
            raise Unavailable("The database does not answer.") from None

    async def _run(self) -> None:
        while self._waiting or not self._closing:
            await self._wake.wait()
            self._wake.clear()
            batch, self._waiting = self._waiting, []
            fault = await self._commit(batch) if batch else None
            if fault is None:
                continue
            # One bad write must not take the others of its batch with it.
            for one in batch:
                if len(batch) > 1:
                    fault = await self._commit([one])
                if fault is not None and not one[1].done():
                    one[1].set_exception(fault)

    async def _commit(self, batch: list[_Waiting]) -> Unavailable | None:
        """Write in one transaction; return why not."""
        loop = asyncio.get_running_loop()
        try:
            with metrics.WRITE_SECONDS.time():
                writes = [writes for writes, _ in batch]
                results = await loop.run_in_executor(self._thread, self._write_all, writes)
        except Exception as error:  # of any kind: what is not written here is of one client only
            metrics.WRITES_FAILED.inc()
            if _is_lasting(error):
                _log.exception("cannot be written", writes=len(batch))
                return Unwritable("The database cannot have this.")
            _log.error("write failed", error=str(error), writes=len(batch))
            return Unavailable("The database could not write this down.")
        for (_, done), keys in zip(batch, results, strict=True):
            if not done.done():
                done.set_result(keys)
        return None

    def _write_all(self, batch: list[Sequence[Write]]) -> list[list[Any]]:
        with self._writer.begin() as connection:
            return [[_write(connection, *write) for write in writes] for writes in batch]


def _write(connection: Connection, statement: Executable, parameters: Any) -> Any:
    result = connection.execute(statement, parameters)
    one = result.is_insert and not isinstance(parameters, list)
    return result.inserted_primary_key if one else None


def _is_lasting(error: Exception) -> bool:
    """Say whether it is about the values, and not about the database."""
    if isinstance(error, DBAPIError):
        return isinstance(error, DataError | NotSupportedError)
    return isinstance(error, StatementError) or not isinstance(error, SQLAlchemyError)
