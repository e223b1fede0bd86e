"""Services on both databases: SQLite, and a PostgreSQL server of its own (Debian's packages)."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import create_engine, text

from hopyard.projects.accounts.service import Accounts
from hopyard.projects.jupyter.service import Jupyter
from hopyard.projects.logs.service import Logs
from hopyard.projects.members.service import Projects
from hopyard.settings import Settings
from hopyard.store.engine import Sessions, make_engine, make_sessions, migrate


def _binaries() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


def _as_postgres(command: list[str]) -> list[str]:
    """PostgreSQL refuses to run as root."""
    return ["runuser", "-u", "postgres", "--", *command] if os.geteuid() == 0 else command


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server on a free port of loopback with a random password; its URL, ends with a slash."""
    binaries = _binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    folder = Path(f"/tmp/hopyard-postgres-{secrets.token_hex(6)}")  # where its user may go
    folder.mkdir(mode=0o700)
    password = secrets.token_urlsafe(24)
    secret_file = folder / "password"
    secret_file.write_text(password)
    if os.geteuid() == 0:
        for path in (folder, secret_file):
            shutil.chown(path, "postgres", "postgres")
    data = folder / "data"
    subprocess.run(
        _as_postgres(
            [
                str(binaries / "initdb"),
                f"--pgdata={data}",
                "--username=hopyard",
                f"--pwfile={secret_file}",
                "--auth=scram-sha-256",
                "--no-sync",
            ]
        ),
        check=True,
        capture_output=True,
        timeout=120,
        cwd="/",
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    control = [str(binaries / "pg_ctl"), f"--pgdata={data}", "--wait", "--timeout=60"]
    options = f"-h 127.0.0.1 -p {port} -k '' -c fsync=off"
    subprocess.run(
        _as_postgres([*control, f"--log={folder / 'log'}", f"--options={options}", "start"]),
        check=True,
        stdout=subprocess.DEVNULL,
        timeout=90,
        cwd="/",
    )
    try:
        yield f"postgresql+psycopg://hopyard:{password}@127.0.0.1:{port}/"
    finally:
        subprocess.run(
            _as_postgres([*control, "--mode=immediate", "stop"]),
            check=False,
            capture_output=True,
            timeout=90,
            cwd="/",
        )
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgres"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings with an empty data directory and a migrated, empty database."""
    url = None
    if request.param == "postgres":
        server = request.getfixturevalue("postgres_server")
        name = f"test_{secrets.token_hex(6)}"
        engine = create_engine(server + "postgres", isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        engine.dispose()
        url = server + name
    made = Settings(data_dir=tmp_path / "data", database_url=url)
    migrate(made.database)
    return made


@pytest_asyncio.fixture
async def sessions(settings: Settings) -> AsyncIterator[Sessions]:
    engine = make_engine(settings.database)
    yield make_sessions(engine)
    await engine.dispose()


@pytest.fixture
def projects(sessions: Sessions, settings: Settings) -> Projects:
    return Projects(sessions, settings)


@pytest.fixture
def jupyter(sessions: Sessions, settings: Settings) -> Jupyter:
    return Jupyter(sessions, settings)


@pytest.fixture
def accounts(sessions: Sessions, settings: Settings) -> Accounts:
    return Accounts(sessions, settings)


@pytest.fixture
def logs(tmp_path: Path) -> Logs:
    return Logs(Settings(data_dir=tmp_path / "data"))
