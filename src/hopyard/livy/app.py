"""The Livy server as an application: makes the objects and wires them."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from fastapi import FastAPI
from starlette.responses import RedirectResponse

from hopyard.identity.hub import HubClient
from hopyard.launchers import choose
from hopyard.launchers.base import Launcher
from hopyard.livy import errors, openapi
from hopyard.livy.access import Access, LoopbackAccess, PlatformAccess, TokenFileAccess
from hopyard.livy.batches.service import Batches
from hopyard.livy.batches.watch import Watch
from hopyard.livy.deps import Services
from hopyard.livy.edge import Edge
from hopyard.livy.hot import HotPaths
from hopyard.livy.ledger import Ledger
from hopyard.livy.old import OldHttp
from hopyard.livy.reconciler import Reconciler
from hopyard.livy.recovery import recover
from hopyard.livy.routes import (
    arrow,
    batches,
    drivers,
    jobs,
    late,
    meta,
    sessions,
    statements,
    status,
    ui,
)
from hopyard.livy.routes import secrets as secrets_routes
from hopyard.livy.secrets import PlatformSecrets
from hopyard.livy.sessions import Sessions
from hopyard.livy.statements import Statements
from hopyard.livy.talk import Talk
from hopyard.livy.views import Addresses
from hopyard.settings import Platform, Settings
from hopyard.store.engine import make_engine, make_writer

STANDALONE_URL = "http://127.0.0.1:8998/"


def create_app(
    settings: Settings,
    platform: Platform | None,
    *,
    base_url: str = STANDALONE_URL,
    token_file: Path | None = None,
    launcher: Launcher | None = None,
) -> FastAPI:
    """Return the server.

    Args:
        settings: what a person decided.
        platform: None for a server that stands alone.
        base_url: its own address then, ends with a slash.
        token_file: who may use it then; without one, everybody on this machine.
        launcher: starts drivers, instead of the one that the settings say.
    """
    settings = settings.model_copy(update={"data_dir": settings.data_dir.absolute()})
    access: Access
    if platform is not None:
        access = PlatformAccess(platform)
    else:
        access = TokenFileAccess(token_file) if token_file else LoopbackAccess()
    home = platform.livy_url if platform else base_url
    ledger = Ledger(make_engine(settings.database), make_writer(settings.database))
    launcher = launcher or choose.launcher(settings)
    addresses = Addresses(platform, base_url)
    key = _key(settings.data_dir / "run" / "livy.key")
    driver_url = (settings.livy.driver_url or f"ws{home.removeprefix('http')}") + "livy/drivers/"
    served = Sessions(
        settings,
        ledger,
        launcher,
        addresses,
        driver_url,
        key,
        platform=platform is not None,
    )
    talk = Talk()
    submitted = Batches(settings, ledger, launcher, addresses, key, platform=platform is not None)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        ledger.start()
        launcher.announce(driver_url)
        hub = None
        if platform is not None:
            hub = HubClient(platform.hub_api_url, platform.livy_token.get_secret_value())
        app.state.ui_client = httpx.AsyncClient(timeout=30, trust_env=False)
        await recover(served, ledger)
        reconciler = Reconciler(served, launcher, ledger, settings.livy, hub)
        watch = Watch(submitted, launcher, ledger)
        await watch.recover()
        looking = [asyncio.create_task(one.run()) for one in (reconciler, watch)]
        yield
        for task in looking:
            task.cancel()
        await asyncio.gather(*looking, return_exceptions=True)
        await asyncio.gather(served.close(), submitted.close())
        await talk.close()
        await ledger.close()
        await app.state.ui_client.aclose()
        await access.close()
        if secrets_of is not None:
            await secrets_of.close()
        if hub is not None:
            await hub.close()

    app = FastAPI(
        title="Hopyard Livy server",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/livy/openapi.json" if platform else "/openapi.json",
        # There are figures of our own; FastAPI would look for a collector at each request.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    secrets_of = PlatformSecrets(platform) if platform else None
    app.state.services = Services(
        settings,
        access,
        served,
        Statements(ledger, settings.livy.statements_waiting),
        talk,
        submitted,
        secrets_of,
    )
    app.add_middleware(HotPaths, app.state.services, in_project=platform is not None)
    app.add_middleware(OldHttp)
    errors.install(app)
    app.add_middleware(Edge)
    app.include_router(drivers.router)
    app.include_router(arrow.drivers)
    app.include_router(secrets_routes.drivers)
    app.include_router(meta.router, prefix="/livy" if platform else "")
    for part in (sessions, statements, late, arrow, jobs, batches, ui, status):
        app.include_router(part.router, prefix="/livy/projects/{project}" if platform else "")
    if platform is None:
        app.add_api_route("/", lambda: RedirectResponse("ui", 302), include_in_schema=False)
    openapi.install(app)
    return app


def _key(file: Path) -> bytes:
    """Return the key that secrets are derived from; made once, readable by this user only."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return file.read_bytes()
    with os.fdopen(descriptor, "wb") as stream:
        key = secrets.token_bytes(32)
        stream.write(key)
    return key
