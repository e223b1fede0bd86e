"""Page: the logs of one's own Jupyter server and sessions, live, in a tab of its own."""

from __future__ import annotations

import json
import math
import re
from collections.abc import AsyncIterator
from time import monotonic

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from hopyard.errors import HopyardError, Unavailable
from hopyard.web.deps import LogsReader, Member, Services
from hopyard.web.events import HEADERS, KEEP_ALIVE, event
from hopyard.web.views import page
from hopyard.web.wiring import Wiring

NUMBER = re.compile("[0-9]{1,15}")
router = APIRouter(prefix="/projects/{project}/logs")

LOOK_EVERY = 0.5
ASK_EVERY = 3.0
"""Seconds between two looks at whether the one who writes a log still runs."""


@router.get("")
async def show(request: Request, who: LogsReader, services: Services, source: str = "") -> Response:
    """Show the sources, and the end of one of them."""
    sources = await services.logs.sources(who.name, who.project.name)
    if not source and sources:
        server = [one for one in sources if one.kind == "jupyter"]
        source = (server or sources)[0].id
    piece = None
    if source:
        piece = await services.logs.tail(who.name, who.project.name, source)
    return page(
        request,
        "logs.html",
        who=who,
        sources=sources,
        source=source,
        piece=piece,
    )


@router.get("/sources")
async def sources(request: Request, who: LogsReader, services: Services) -> Response:
    """Return the list of sources as a piece of the page."""
    found = await services.logs.sources(who.name, who.project.name)
    chosen = request.query_params.get("source", "")
    return page(request, "partials/sources.html", who=who, sources=found, source=chosen)


@router.get("/events")
async def follow(
    request: Request, who: LogsReader, services: Services, source: str, offset: int = 0
) -> Response:
    """Stream what is written to a log; the event's number is the byte at which it ends."""
    resumed = request.headers.get("last-event-id", "")
    start = int(resumed) if NUMBER.fullmatch(resumed) else max(0, offset)
    project = who.project.name
    await services.logs.after(who.name, project, source, start)

    async def run() -> AsyncIterator[str]:
        at, quiet, asked, live = start, 0.0, -math.inf, None
        yield "retry: 2000\n\n"
        while not await request.is_disconnected():
            try:
                await services.projects.membership(who.name, project)
                piece = await services.logs.after(who.name, project, source, at)
                if monotonic() - asked > ASK_EVERY:
                    asked, before = monotonic(), live
                    try:
                        live = await is_written(services, who, source)
                    except Unavailable:  # what was known last still stands
                        live = before is not False
                    if live is not before:
                        yield event("state", "live" if live else "finished")
            except HopyardError:
                yield event("over", "")
                return
            if piece.text:
                body = {"text": piece.text, "start": piece.start, "size": piece.size}
                yield event("piece", json.dumps(body), piece.end)
                quiet = 0.0
            at = piece.end
            if piece.end < piece.size:
                continue
            quiet += LOOK_EVERY
            if quiet > KEEP_ALIVE:
                quiet = 0.0
                yield ": still here\n\n"
            await services.servers.bell.wait(who.name, project, LOOK_EVERY)

    return StreamingResponse(run(), media_type="text/event-stream", headers=HEADERS)


async def is_written(services: Wiring, who: Member, source: str) -> bool:
    """Say whether what writes a log still runs.

    Raises:
        Unavailable: who knows it does not answer.
    """
    kind = source.partition("-")[0]
    if kind == "jupyter":
        runs = await services.logs.sources(who.name, who.project.name)
        newest = max(one.id for one in runs if one.kind == kind)
        view = await services.servers.view(who.name, who.project.name)
        return source == newest and view.state not in ("stopped", "failed")
    if kind == "batch":
        return source in await services.livy.running_batches(who.project.name, who.token)
    running = await services.livy.applications(who.project.name, who.token)
    return source in {one.log for one in running}


@router.get("/before")
async def before(who: LogsReader, services: Services, source: str, end: int) -> Response:
    """Return what stands before a byte of a log."""
    piece = await services.logs.before(who.name, who.project.name, source, max(0, end))
    return JSONResponse({"text": piece.text, "start": piece.start, "size": piece.size})


@router.get("/search")
async def search(who: LogsReader, services: Services, source: str, text: str) -> Response:
    """Return the last lines of a whole log that contain a text."""
    hits = await services.logs.search(who.name, who.project.name, source, text)
    return JSONResponse({"hits": [{"offset": hit.offset, "line": hit.line} for hit in hits]})


@router.get("/download")
async def download(who: LogsReader, services: Services, source: str) -> Response:
    """Return a whole log as a file."""
    blocks = await services.logs.download(who.name, who.project.name, source)
    name = f"{who.project.name}-{source}.log"
    return StreamingResponse(
        blocks,
        media_type="text/plain; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
