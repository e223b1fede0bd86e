"""The Livy server in this process, with real tables and no drivers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from hopyard.launchers.base import Launcher, Order, Process
from hopyard.livy.app import create_app
from hopyard.protocol.messages import BatchReport
from hopyard.settings import LivySettings, Settings
from hopyard.store.engine import migrate


class IdleLauncher(Launcher):
    """Starts nothing, and says that it runs."""

    project_folder = None

    async def start(self, order: Order) -> Process:
        return {"launcher": "idle"}

    def announce(self, home: str) -> None:
        return None

    async def check(self, process: Process) -> str | None:
        return None

    async def stop(self, process: Process) -> None:
        return None

    def uploads(self, place: str) -> tuple[Path, str]:
        raise NotImplementedError

    async def release(self, process: Process) -> None:
        return None

    async def report(self, place: str) -> BatchReport:
        return BatchReport()

    async def clean(self, place: str) -> None:
        return None


@asynccontextmanager
async def served(
    folder: Path, tokens: dict[str, str] | None = None, **livy: Any
) -> AsyncIterator[httpx.AsyncClient]:
    """A server that stands alone; `livy` are settings of it, `tokens` whose they are."""
    settings = Settings(data_dir=folder, isolation="none", livy=LivySettings(**livy))
    migrate(settings.database)
    file = folder / "tokens"
    if tokens:
        file.write_text("".join(f"{user} {token}\n" for user, token in tokens.items()))
    app = create_app(settings, None, token_file=file if tokens else None, launcher=IdleLauncher())
    transport = httpx.ASGITransport(app=app)
    url = "http://127.0.0.1:8998"
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url=url) as http,
    ):
        yield http
