"""DataFrames as Arrow streams (ours, not Livy's)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from starlette.responses import StreamingResponse

from hopyard.errors import NotAllowed, NotFound
from hopyard.livy.channel import is_driver
from hopyard.livy.deps import Known, Mine, as_id, number, services
from hopyard.livy.transfers import BrokenOff, Transfer, Transfers

router = APIRouter(prefix="/sessions/{session}/statements", tags=["statements"])
drivers = APIRouter()
LOOK = 1.0
"""Seconds between two looks whether the client is still there, while Spark works."""
ROWS_MOST = 2**31 - 1
STREAM = "application/vnd.apache.arrow.stream"


@router.get("/{statement}/arrow")
async def show(
    statement: str,
    request: Request,
    session: Mine,
    known: Known,
    name: Annotated[
        str | None,
        Query(pattern=r"^[A-Za-z_]\w{0,200}$", description="a variable with a DataFrame"),
    ] = None,
    limit: Annotated[int | None, Query(ge=0, le=ROWS_MOST, description="rows at most")] = None,
) -> Response:
    """Send the DataFrame that a statement gave as an Arrow IPC stream (ours, not Livy's).

    The value of its last expression, the result of SQL, or with `name` a variable; in R a
    `data.frame` too. Spark computes it now.
    """
    found = await known.statements.get(session, number(statement))
    transfers = known.talk.transfers
    transfer = transfers.begin(session, found, name, limit)
    begun = False
    try:
        while (size := await transfer.size(LOOK)) is None:
            if await request.is_disconnected():
                return Response(status_code=499)
        begun = True
    finally:
        if not begun:
            transfers.end(transfer, done=False)
    headers = {"Content-Length": str(size), "Cache-Control": "no-store"}
    return StreamingResponse(_pieces(transfers, transfer), media_type=STREAM, headers=headers)


async def _pieces(transfers: Transfers, transfer: Transfer) -> AsyncIterator[bytes]:
    done = False
    try:
        async for piece in transfer.pieces():
            yield piece
        done = True
    finally:
        transfers.end(transfer, done=done)


@drivers.post("/livy/drivers/{session}/arrow/{transfer}", include_in_schema=False)
async def bring(session: str, transfer: str, request: Request) -> Response:
    """Take a DataFrame's rows from a session's driver."""
    known = services(request)
    found = known.sessions.of_driver(as_id(session))
    if found is None or not is_driver(found, request):
        raise NotAllowed("This is for the session's driver.")
    waiting = known.talk.transfers.find(found, transfer)
    size = as_id(request.headers.get("content-length", ""))
    if waiting is None or size < 0:
        raise NotFound("Nobody waits for this.")
    try:
        await waiting.bring(size, request.stream())
    except BrokenOff:
        raise NotFound("Nobody waits for this any more.") from None
    return Response(status_code=204)
