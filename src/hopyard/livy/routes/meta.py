"""About the server itself: version, ping, metrics."""

from __future__ import annotations

from collections import Counter
from importlib.metadata import version

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST
from prometheus_client import generate_latest as render

from hopyard.errors import NotAllowed
from hopyard.livy import metrics as figures
from hopyard.livy.access import is_loopback
from hopyard.livy.deps import Known
from hopyard.protocol.states import BatchState, SessionState, StatementState

PROTOCOL = "1.0.0"
"""The Apache Livy that this answers like: clients read the version as numbers (pylivy)."""

router = APIRouter(tags=["server"])


@router.get("/ping")
async def ping() -> Response:
    """Say that the server is there (ours, not Livy's)."""
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
    states_of_batches = Counter(one.state for one in known.batches.all)
    for end in BatchState:
        figures.BATCHES.labels(end.value).set(states_of_batches[end])
    live = Counter(statement.state for one in every for statement in one.live.values())
    for doing in StatementState:
        if not doing.over:
            figures.STATEMENTS.labels(doing.value).set(live[doing])
    figures.DRIVERS.set(sum(one.line is not None for one in every))
    return Response(render(figures.REGISTRY), media_type=CONTENT_TYPE_LATEST)
