"""The web application: pages under `/projects/`, the REST API under `/api/`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from hopyard import __version__
from hopyard.bodies import BoundedBodies
from hopyard.settings import Platform, Settings
from hopyard.web import failures
from hopyard.web.headers import SecurityHeaders
from hopyard.web.hosts import OneHost
from hopyard.web.routes import api, pages
from hopyard.web.views import STATIC
from hopyard.web.wiring import wire

BODY_LIMIT = 1_000_000
"""Bytes; the largest that is sent here is a secret's value, 65,536 bytes as JSON."""


def create_app(settings: Settings, platform: Platform) -> FastAPI:
    """Return the application of one web process."""
    services = wire(settings, platform)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await services.close()

    app = FastAPI(
        title="Hopyard",
        version=__version__,
        summary="Projects, members, Jupyter servers, logs.",
        description="Sign each request with a Hub token (made at `/hub/token`): "
        "`Authorization: Bearer TOKEN`. A project that you are no member of is not found.",
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.wiring = services
    app.add_middleware(BoundedBodies, limit=BODY_LIMIT, key="error")
    if platform.hosts:
        app.add_middleware(OneHost, platform=platform, seal=services.seal)
    app.add_middleware(SecurityHeaders)
    failures.install(app)
    app.mount("/projects/static", StaticFiles(directory=STATIC), name="static")
    app.include_router(api.router)
    app.include_router(pages.router, include_in_schema=False)
    return app
