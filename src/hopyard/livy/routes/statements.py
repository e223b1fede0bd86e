"""Statements: run code, look at what it gives, stop it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response
from starlette.responses import JSONResponse, StreamingResponse

from hopyard.livy import outputs
from hopyard.livy.deps import Key, Known, Mine, Wait, described, number, place_of, read
from hopyard.livy.event_stream import EventStream
from hopyard.livy.news import hold
from hopyard.livy.records import Event, Session, Statement
from hopyard.livy.requests import GiveInput, RunStatement
from hopyard.livy.statements import Statements
from hopyard.livy.views import statement_view
from hopyard.protocol import exact
from hopyard.protocol.states import Kind

router = APIRouter(prefix="/sessions/{session}/statements", tags=["statements"])


TABLE = ("data", "application/json")
"""Where an SQL result is, in which numbers are encoded (`hopyard.protocol.exact`)."""


EVENTS = "text/event-stream"
NOT_KEPT = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
TOGETHER = 100_000
"""Characters of events that are sent in one piece, if they are there: each piece wakes a client."""
SIGN_OF_LIFE = 15.0
"""Seconds without events after which a stream sends a comment, so that proxies keep it open."""


@router.post("", status_code=201, openapi_extra=described(RunStatement))
async def run(request: Request, session: Mine, known: Known, key: Key) -> Response:
    """Run code after what was sent before; it is written down when this is answered.

    With `Accept: text/event-stream` the answer goes on with what happens (ours, not Livy's).
    """
    statement = await known.statements.submit(session, await read(request, RunStatement), key)
    whole = known.sessions.addresses.text(session, statement.id)
    headers = {
        "Location": f"{place_of(request)}/{statement.id}",
        # For clients that show a part of long output (RFC 8288).
        "Link": f'<{whole}>; rel="alternate"; type="text/plain"',
    }
    if request.headers.get("accept") == EVENTS:
        happens = _stream(known.statements, session, statement, 0)
        return EventStream(happens, 201, headers | NOT_KEPT, EVENTS)
    # As Livy: what a POST shows is the beginning, also when it is further by now.
    view = {**statement_view(statement), "state": "waiting", "output": None, "progress": 0.0}
    view |= {"started": 0, "completed": 0}
    return JSONResponse(view, 201, headers)


@router.get("")
async def list_statements(
    session: Mine,
    known: Known,
    start: Annotated[int, Query(alias="from", ge=0, le=2**31)] = 0,
    size: Annotated[int | None, Query(ge=0, le=2**31)] = None,
    order: Annotated[str, Query(pattern="^(?i:asc|desc)$")] = "asc",
) -> Response:
    """Show a page of a session's statements."""
    pieces = known.statements.page(session, start, size, descending=order.lower() == "desc")
    first: list[Statement] = await anext(
        pieces, []
    )  # what goes wrong at once is still an answer of its own
    body = _listed(session.next_statement, first, pieces)
    return StreamingResponse(body, media_type="application/json")


async def _listed(
    total: int, first: list[Statement], more: AsyncIterator[list[Statement]]
) -> AsyncIterator[str]:
    """Write a page while it is read: all statements of a session may be more than the memory."""
    yield f'{{"total_statements":{total},"statements":['
    comma = ""
    for one in first:
        yield comma + written(one)
        comma = ","
    async for piece in more:
        for one in piece:
            yield comma + written(one)
            comma = ","
    yield "]}"


@router.get("/{statement}")
async def show(statement: str, session: Mine, known: Known, wait: Wait) -> Response:
    """Show a statement; held until it is done or there is news of it."""
    found = await known.statements.get(session, number(statement))
    await hold(found.news, lambda: found.state.over, wait)
    return Response(written(found), media_type="application/json")


@router.post("/{statement}/cancel")
async def cancel(statement: str, session: Mine, known: Known) -> dict[str, str]:
    """Stop a statement and its Spark jobs, or take it out of the queue."""
    await known.statements.cancel(session, number(statement))
    return {"msg": "canceled"}


@router.post("/{statement}/input", openapi_extra=described(GiveInput))
async def give_input(
    request: Request, statement: str, session: Mine, known: Known
) -> dict[str, str]:
    """Answer what a statement's code asks by `input()`, `getpass()` (ours, not Livy's)."""
    found = await known.statements.get(session, number(statement))
    known.talk.give_input(session, found, (await read(request, GiveInput)).value)
    return {"msg": "given"}


@router.get("/{statement}/text")
async def text(statement: str, session: Mine, known: Known) -> Response:
    """Show all that a statement printed so far to a person (ours, not Livy's)."""
    found = await known.statements.get(session, number(statement))
    events = await known.statements.events(session, found, 0)
    return StreamingResponse(
        outputs.texts(events),
        media_type="text/plain; charset=utf-8",
        headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"},
    )


@router.get("/{statement}/events")
async def events(
    statement: str,
    session: Mine,
    known: Known,
    last_event_id: Annotated[str | None, Header()] = None,
) -> Response:
    """Send what happens in a statement as server-sent events (ours, not Livy's).

    Kinds: stream, display_data, update_display, clear_output, input_request, progress, result,
    state. Each has a number; `Last-Event-ID` resumes after it. The stream ends when the statement
    is done.
    """
    found = await known.statements.get(session, number(statement))
    after = number(last_event_id) if last_event_id else 0
    return EventStream(
        _stream(known.statements, session, found, after),
        media_type=EVENTS,
        headers=NOT_KEPT,
    )


async def _stream(
    statements: Statements, session: Session, statement: Statement, after: int
) -> AsyncIterator[str]:
    statement.watchers += 1
    try:
        while True:
            seen, over = statement.news.version, statement.state.over
            pieces, size = [], 0
            for event in await statements.events(session, statement, after):
                after = event[0]
                pieces.append(_framed(event, statement.kind))
                size += len(pieces[-1])
                if size > TOGETHER:
                    yield "".join(pieces)
                    pieces, size = [], 0
            if pieces:
                yield "".join(pieces)
            if over:
                return
            if not await statement.news.next(seen, SIGN_OF_LIFE):
                yield ": \n\n"
    finally:
        statement.watchers -= 1


def written(statement: Statement) -> str:
    """Return a statement's JSON, with its numbers in all digits."""
    encoded_at = ("output", *TABLE) if statement.kind is Kind.SQL else None
    return exact.dumps(statement_view(statement), encoded_at)


def _framed(event: Event, kind: Kind) -> str:
    number, name, payload = event
    encoded_at = TABLE if kind is Kind.SQL and name == "result" else None
    return f"id: {number}\nevent: {name}\ndata: {exact.dumps(payload, encoded_at)}\n\n"
