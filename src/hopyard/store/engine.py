"""The database engine: SQLite (in write-ahead mode) by default, Postgres by URL."""

from __future__ import annotations

import errno
import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, NullPool, create_engine, event, make_url, text
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)

Sessions = async_sessionmaker[AsyncSession]


def make_engine(url: str) -> AsyncEngine:
    """Return the engine of a database.

    SQLite runs with a write-ahead log, so that readers never wait; a commit survives the kill of
    any process (`synchronous=NORMAL`), a writer waits up to 20 s for another.
    """
    if not url.startswith("sqlite"):
        return create_async_engine(url, pool_pre_ping=True)
    engine = create_async_engine(url, connect_args={"timeout": 20})
    event.listen(engine.sync_engine, "connect", _set_pragmas)
    return engine


def make_writer(url: str) -> Engine:
    """Return an engine of the same database for one thread that writes, without an event loop."""
    if not url.startswith("sqlite"):
        return create_engine(url, pool_pre_ping=True)
    plain = make_url(url).set(drivername="sqlite")
    engine = create_engine(plain, connect_args={"timeout": 20})
    event.listen(engine, "connect", _set_pragmas)
    return engine


@contextmanager
def held(url: str, what: str) -> Iterator[bool]:
    """Hold a database for one process of a kind, as long as it lives; the others may still use it.

    Args:
        url: the database.
        what: the kind, such as `livy`.

    Yields:
        whether it is held; not, if another process holds it.
    """
    parsed = make_url(url)
    if not parsed.drivername.startswith("sqlite"):
        engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            # A lock of the connection: it goes with the process, however that ends.
            query = text("SELECT pg_try_advisory_lock(hashtext(:what))")
            yield bool(connection.scalar(query, {"what": f"hopyard {what}"}))
        return
    with Path(f"{parsed.database}.{what}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True


def _set_pragmas(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def make_sessions(engine: AsyncEngine) -> Sessions:
    """Return the factory of database sessions of an engine."""
    return async_sessionmaker(engine, expire_on_commit=False)


def migrate(url: str) -> None:
    """Bring a database to the newest form of its tables (blocking; run before the processes)."""
    parsed = make_url(url)
    if parsed.drivername.startswith("sqlite"):
        parsed = parsed.set(drivername="sqlite")
        if parsed.database:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["url"] = parsed.render_as_string(hide_password=False)
    command.upgrade(config, "head")


FULL = "The platform's disk is full: nothing can be written until there is room again."


def is_full(error: BaseException) -> bool:
    """Say whether a file could not be written since the disk or a quota is full."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def fault(error: Exception) -> str:
    """Say in a sentence for everybody why a database or a disk did not do what it was asked."""
    if is_full(error):
        return FULL
    text = str(getattr(error, "orig", None) or error).lower()
    if any(sign in text for sign in ("disk is full", "no space left", "disk full", "i/o error")):
        return FULL
    if "locked" in text or "busy" in text:
        return "The platform's database is locked by another program: try again."
    if "readonly" in text or "unable to open" in text or "read-only" in text:
        return "The platform's database cannot be written: an administrator has to see why."
    return "The platform's database does not answer: try again."
