"""The database engine: SQLite (in write-ahead mode) by default, Postgres by URL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine, event, make_url
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
