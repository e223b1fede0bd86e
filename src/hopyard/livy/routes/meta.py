"""About the server itself: version, ping, metrics; and batches, of which there are none yet."""

from __future__ import annotations

from collections import Counter
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST
from prometheus_client import generate_latest as render

from hopyard.errors import InvalidInput, NotAllowed, NotFound
from hopyard.livy import metrics as figures
from hopyard.livy.access import is_loopback
from hopyard.livy.deps import Asking, Known, read
from hopyard.livy.requests import CreateBatch
from hopyard.protocol.states import SessionState, StatementState

PROTOCOL = "1.0.0"
"""The Apache Livy that this answers like: clients read the version as numbers (pylivy)."""

router = APIRouter(tags=["server"])
project_router = APIRouter(tags=["batches"])


@router.get("/ping")
async def ping() -> Response:
    """Say that the server is there."""
    return Response("pong", media_type="text/plain")


@router.get("/version")
async def show_version() -> dict[str, str]:
    """Show what this is, with Livy's keys."""
    return {
        "url": "",
        "branch": "",
        "revision": "",
        "version": f"{PROTOCOL}+hopyard.{version('hopyard')}",
        "date": "",
        "user": "",
    }


@router.get("/metrics")
async def metrics(request: Request, known: Known) -> Response:
    """Show the server's figures in Prometheus' form; to this machine, and to administrators."""
    client = request.client.host if request.client else ""
    if not is_loopback(client) or "x-forwarded-for" in request.headers:
        caller = await known.access.caller(request, None)
        if not caller.manages:
            raise NotAllowed("The figures are for this machine and for administrators.")
    every = known.sessions.all
    states = Counter(one.state for one in every)
    for state in SessionState:
        figures.SESSIONS.labels(state.value).set(states[state])
    live = Counter(statement.state for one in every for statement in one.live.values())
    for doing in StatementState:
        if not doing.over:
            figures.STATEMENTS.labels(doing.value).set(live[doing])
    figures.DRIVERS.set(sum(one.line is not None for one in every))
    return Response(render(figures.REGISTRY), media_type=CONTENT_TYPE_LATEST)


@project_router.get("/batches")
async def batches(_: Asking) -> dict[str, Any]:
    """Show the caller's batches."""
    return {"from": 0, "total": 0, "sessions": []}


@project_router.get("/batches/{batch}")
async def batch(batch: str, _: Asking) -> None:
    """Show a batch."""
    raise NotFound(f"Session '{batch}' not found.")


@project_router.post("/batches")
async def create_batch(request: Request, _: Asking) -> None:
    """Refuse to make a batch."""
    asked = await read(request, CreateBatch)
    if not asked.file:
        raise InvalidInput("Rejected, Reason: requirement failed: File is required.")
    raise InvalidInput("Rejected, Reason: this server does not run batches yet.")
