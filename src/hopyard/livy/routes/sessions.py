"""Sessions: create, list, look at, end."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.responses import JSONResponse, PlainTextResponse

from hopyard.livy import logfile
from hopyard.livy.deps import Asking, Key, Known, Mine, Wait, described, place_of, read
from hopyard.livy.news import hold
from hopyard.livy.records import Session
from hopyard.livy.requests import AskCompletion, AskInspection, CreateSession
from hopyard.livy.views import session_json, session_view
from hopyard.protocol.states import SessionState

router = APIRouter(tags=["sessions"])
LOG_SIZE = 100
LIST_SIZE = 100
LOG_MOST = 100_000
STARTING = (SessionState.NOT_STARTED, SessionState.STARTING, SessionState.RECOVERING)

From = Annotated[int, Query(alias="from", ge=0, le=2**31)]


def _started(session: Session) -> bool:
    return session.state not in STARTING


# With a slash at the end too: Livy's Python client asks so, and not every client follows redirects.
@router.post("/sessions/", status_code=201, include_in_schema=False)
@router.post("/sessions", status_code=201, openapi_extra=described(CreateSession))
async def create(request: Request, known: Known, caller: Asking, key: Key) -> Response:
    """Make a session; it is `starting` when this is answered."""
    session = await known.sessions.create(caller, await read(request, CreateSession), key)
    view = session_view(session, known.sessions.addresses)
    return JSONResponse(view, 201, {"Location": f"{place_of(request)}/{session.id}"})


@router.get("/sessions/", include_in_schema=False)
@router.get("/sessions")
async def list_sessions(
    known: Known,
    caller: Asking,
    start: From = 0,
    size: Annotated[int, Query(ge=0, le=2**31)] = LIST_SIZE,
    everybody: Annotated[
        bool, Query(alias="all", description="those of others too: for administrators (ours)")
    ] = False,
) -> dict[str, Any]:
    """Show the caller's own sessions, or everybody's."""
    mine = known.sessions.visible(caller, everybody=everybody)
    page = mine[start : start + size]
    views = [session_view(one, known.sessions.addresses) for one in page]
    return {"from": start, "total": len(mine), "sessions": views}


@router.get("/sessions/{session}")
async def show(session: Mine, known: Known, wait: Wait) -> Response:
    """Show a session; held while it starts."""
    await hold(session.news, lambda: _started(session), wait)
    body = session_json(session, known.sessions.addresses)
    return Response(body, media_type="application/json")


@router.get("/sessions/{session}/state")
async def show_state(session: Mine, wait: Wait) -> dict[str, Any]:
    """Show a session's state; held while it starts."""
    await hold(session.news, lambda: _started(session), wait)
    return {"id": session.id, "state": session.state.value}


@router.get("/sessions/{session}/log")
async def show_log(
    session: Mine,
    known: Known,
    start: Annotated[int, Query(alias="from", ge=-(2**31), le=2**31)] = -1,
    size: Annotated[int, Query(ge=-(2**31), le=LOG_MOST)] = LOG_SIZE,
) -> dict[str, Any]:
    """Show lines of the driver's log; the last 100 by default, `from` below 0 is the tail."""
    size = LOG_MOST if size < 0 else size
    file = known.sessions.log_file(session)
    first, total, lines = await asyncio.to_thread(logfile.lines, file, start, size)
    return {"id": session.id, "from": first, "total": total, "log": lines}


@router.get("/sessions/{session}/log/view")
async def view_log(session: Mine, known: Known) -> Response:
    """Show the end of the driver's log to a person (ours, not Livy's)."""
    file = known.sessions.log_file(session)
    _, _, lines = await asyncio.to_thread(logfile.lines, file, -1, 10_000)
    return PlainTextResponse("\n".join(lines) + "\n")


@router.delete("/sessions/{session}")
async def delete(session: Mine, known: Known) -> dict[str, str]:
    """End a session and forget it."""
    await known.sessions.delete(session)
    return {"msg": "deleted"}


@router.post("/sessions/{session}/connect")
async def connect(session: Mine, known: Known) -> Response:
    """Say that somebody uses a session: its time limits begin anew."""
    known.sessions.touch(session)
    return JSONResponse(session_view(session, known.sessions.addresses))


@router.post("/sessions/{session}/interrupt")
async def interrupt(session: Mine, known: Known) -> dict[str, str]:
    """Stop what runs and what waits in a session."""
    await known.statements.interrupt(session)
    return {"msg": "interrupted"}


@router.post("/sessions/{session}/stop", status_code=204)
async def stop(session: Mine, known: Known) -> Response:
    """End a session, and keep what is known of it for a while."""
    await known.sessions.end(session, SessionState.KILLED, "The session was stopped.")
    return Response(status_code=204)


@router.post("/sessions/{session}/completion", openapi_extra=described(AskCompletion))
async def complete(request: Request, session: Mine, known: Known) -> dict[str, Any]:
    """Say what may stand at a place in code."""
    asked = await read(request, AskCompletion)
    return await known.talk.complete(session, asked)


@router.post("/sessions/{session}/inspect", openapi_extra=described(AskInspection))
async def inspect(request: Request, session: Mine, known: Known) -> dict[str, Any]:
    """Say what stands at a place in code (ours, not Livy's)."""
    return await known.talk.inspect(session, await read(request, AskInspection))
