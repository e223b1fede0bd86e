"""Batches: submit an application, follow it, kill it."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.responses import JSONResponse, PlainTextResponse

from hopyard.errors import NotFound
from hopyard.livy import logfile
from hopyard.livy.batches.records import Batch
from hopyard.livy.batches.views import batch_view
from hopyard.livy.deps import Asking, Key, Known, described, place_of, read
from hopyard.livy.requests import CreateBatch
from hopyard.livy.routes import ui
from hopyard.livy.routes.sessions import LIST_SIZE, LOG_MOST, LOG_SIZE, From
from hopyard.livy.views import LOG_LINES

router = APIRouter(tags=["batches"])
UI = "/batches/{batch}/ui/{path:path}"


async def _batch(batch: str, known: Known, caller: Asking) -> Batch:
    return known.batches.get(caller, batch)


Mine = Annotated[Batch, Depends(_batch)]
"""The batch of the path, which is the caller's."""


async def _view(batch: Batch, known: Known) -> dict[str, Any]:
    # The log after the state: who reads that it is over, reads why.
    view = batch_view(batch, known.batches.addresses)
    file = known.batches.log_file(batch)
    return view | {"log": await asyncio.to_thread(logfile.tail, file, LOG_LINES)}


@router.post("/batches/", status_code=201, include_in_schema=False)
@router.post("/batches", status_code=201, openapi_extra=described(CreateBatch))
async def create(request: Request, known: Known, caller: Asking, key: Key) -> Response:
    """Submit an application; it is written down and `starting` when this is answered."""
    batch = await known.batches.create(caller, await read(request, CreateBatch), key)
    location = f"{place_of(request)}/{batch.id}"
    return JSONResponse(await _view(batch, known), 201, {"Location": location})


@router.get("/batches/", include_in_schema=False)
@router.get("/batches")
async def list_batches(
    known: Known,
    caller: Asking,
    start: From = 0,
    size: Annotated[int, Query(ge=0, le=2**31)] = LIST_SIZE,
    everybody: Annotated[
        bool, Query(alias="all", description="those of others too: for administrators (ours)")
    ] = False,
) -> dict[str, Any]:
    """Show the caller's own batches, or everybody's."""
    mine = known.batches.visible(caller, everybody=everybody)
    views = [await _view(one, known) for one in mine[start : start + size]]
    return {"from": start, "total": len(mine), "sessions": views}


@router.get("/batches/{batch}")
async def show(batch: Mine, known: Known) -> dict[str, Any]:
    """Show a batch with the last lines of its log."""
    return await _view(batch, known)


@router.get("/batches/{batch}/state")
async def show_state(batch: Mine) -> dict[str, Any]:
    """Show a batch's state: `starting`, `running`, `success` or `dead`."""
    return {"id": batch.id, "state": batch.state.value}


@router.get("/batches/{batch}/log")
async def show_log(
    batch: Mine,
    known: Known,
    start: Annotated[int, Query(alias="from", ge=-(2**31), le=2**31)] = -1,
    size: Annotated[int, Query(ge=-(2**31), le=LOG_MOST)] = LOG_SIZE,
) -> dict[str, Any]:
    """Show lines of a batch's log; the last 100 by default, `from` below 0 is the tail."""
    size = LOG_MOST if size < 0 else size
    file = known.batches.log_file(batch)
    first, total, lines = await asyncio.to_thread(logfile.lines, file, start, size)
    return {"id": batch.id, "from": first, "total": total, "log": lines}


@router.get("/batches/{batch}/log/view")
async def view_log(batch: Mine, known: Known) -> Response:
    """Show the end of a batch's log to a person (ours, not Livy's)."""
    lines = await asyncio.to_thread(logfile.tail, known.batches.log_file(batch), 10_000)
    return PlainTextResponse("\n".join(lines) + "\n")


@router.delete("/batches/{batch}")
async def delete(batch: Mine, known: Known) -> dict[str, str]:
    """Kill a batch with all that it started, and forget it."""
    await known.batches.delete(batch)
    return {"msg": "deleted"}


@router.get(UI)
@router.post(UI)
async def spark_ui(path: str, request: Request, batch: Mine, known: Known) -> Response:
    """Pass a request on to the Spark UI of a batch that runs (ours, not Livy's)."""
    if batch.ui_url is None or batch.over:
        raise NotFound(f"Batch '{batch.id}' has no Spark UI (any more).")
    return await ui.forward(
        request,
        ui.raw_rest(request, f"/batches/{request.path_params['batch']}/ui/") or path,
        base=batch.ui_url,
        secret=known.batches.ui_secret(batch),
        public=known.batches.addresses.batch_ui_base(batch.project, batch.id),
        addresses=known.batches.addresses,
    )
