"""What does not answer is said on the page; the page asks again by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
from fastapi import FastAPI, Request
from fastapi.responses import Response

from hopyard.errors import Unavailable
from hopyard.web.events import stream
from hopyard.web.failures import respond
from tests.unit.web.around import serve


async def test_stream_says_what_does_not_answer_and_that_it_is_back() -> None:
    app, asked = FastAPI(), 0

    async def pieces() -> dict[str, str]:
        nonlocal asked
        asked += 1
        if asked == 2:
            raise Unavailable("The Hub does not answer.")
        return {"server": "running"}

    @app.get("/events")
    async def events(request: Request) -> Response:
        return stream(request, pieces, lambda: asyncio.sleep(0.01))

    async def words(lines: AsyncIterator[str]) -> AsyncIterator[str]:
        async for line in lines:
            if line.startswith("data: "):
                yield line.removeprefix("data: ")

    with serve(app) as url:
        async with (
            asyncio.timeout(15),
            httpx.AsyncClient(trust_env=False) as http,
            http.stream("GET", f"{url}events") as answer,
        ):
            seen = []
            async for word in words(answer.aiter_lines()):
                seen.append(word)
                if len(seen) == 4:
                    break
    away = "The Hub does not answer. What is shown here was known last."
    assert seen == ["running", "", away, ""]


def test_page_of_a_service_that_is_away_asks_again() -> None:
    scope = {"type": "http", "method": "GET", "path": "/projects/", "headers": []}
    shown = respond(Request(scope), 503, "The Hub does not answer.").body.decode()
    assert '<meta http-equiv="refresh" content="5">' in shown
    assert "asks again by itself" in shown
    changed = respond(Request({**scope, "method": "POST"}), 503, "Away.").body.decode()
    assert "refresh" not in changed
