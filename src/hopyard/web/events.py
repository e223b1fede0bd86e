"""Server-sent events: pieces of a page, sent when they change."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from time import monotonic

from fastapi import Request
from fastapi.responses import Response, StreamingResponse

from hopyard.errors import NotAllowed, NotFound, NotSignedIn, Unavailable

KEEP_ALIVE = 15.0
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


def event(name: str, data: str, number: int | None = None) -> str:
    """Return one event as it stands in the stream."""
    lines = "".join(f"data: {line}\n" for line in data.splitlines() or [""])
    head = f"id: {number}\n" if number is not None else ""
    return f"{head}event: {name}\n{lines}\n"


def stream(
    request: Request,
    pieces: Callable[[], Awaitable[dict[str, str]]],
    pause: Callable[[], Awaitable[None]],
) -> Response:
    """Return an endless answer that sends each piece when it is another than before.

    The piece `away` says what does not answer now; it is empty while all do. The stream ends when
    the browser is gone, or when the one who asks may not see it any more; the browser then loads
    the page again and is told so there.

    Args:
        request: the request that asked for the stream.
        pieces: makes all pieces as they are now, by name.
        pause: waits until it is worth looking again.
    """

    async def run() -> AsyncIterator[str]:
        sent: dict[str, str] = {}
        last = monotonic()
        yield "retry: 2000\n\n"
        while not await request.is_disconnected():
            try:
                present = await pieces()
            except (NotSignedIn, NotFound, NotAllowed):
                yield event("over", "")
                return
            except Unavailable as error:
                # The page keeps what it shows until there is an answer again, and says so.
                present = {"away": f"{error} What is shown here was known last."}
            else:
                present["away"] = ""
            for name, data in present.items():
                if sent.get(name) != data:
                    sent[name] = data
                    last = monotonic()
                    yield event(name, data)
            if monotonic() - last > KEEP_ALIVE:
                last = monotonic()
                yield ": still here\n\n"
            await pause()

    return StreamingResponse(run(), media_type="text/event-stream", headers=HEADERS)
