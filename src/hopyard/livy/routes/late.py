"""What statements show after their end, as it comes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header

from hopyard.livy.deps import Mine, number
from hopyard.livy.event_stream import EventStream
from hopyard.livy.records import Session
from hopyard.livy.routes.statements import EVENTS, NOT_KEPT, SIGN_OF_LIFE
from hopyard.protocol import exact

router = APIRouter(tags=["statements"])


@router.get("/sessions/{session}/late")
async def late(session: Mine, last_event_id: Annotated[str | None, Header()] = None) -> EventStream:
    """Send what statements show after their end, as server-sent events (ours, not Livy's).

    A thread of a cell may print for long. Kinds and payloads are those of a statement's events,
    with `statement` (its number) and `late`. `Last-Event-ID` resumes after an event, else only
    news is sent. The stream ends with the session.
    """
    after = number(last_event_id) if last_event_id else session.late.number
    return EventStream(_events(session, after), media_type=EVENTS, headers=NOT_KEPT)


async def _events(session: Session, after: int) -> AsyncIterator[str]:
    events = session.late
    while not session.over:
        seen = events.news.version
        for key, statement, kind, payload in events.after(after):
            after = key
            data = exact.dumps(payload | {"statement": statement})
            yield f"id: {key}\nevent: {kind}\ndata: {data}\n\n"
        if not await events.news.next(seen, SIGN_OF_LIFE):
            yield ": \n\n"
