"""Spark UIs, and the whole output of statements, streamed from livy in the person's name.

Thin: livy knows whose it is and where its driver is; here only the sign-in is added.
"""

from __future__ import annotations

import re

import httpx
from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.background import BackgroundTask

from hopyard.protocol.spark_ui import PAGES_POLICY
from hopyard.web.deps import Member, Services, SessionsUser
from hopyard.web.failures import respond
from hopyard.web.forgery import made_by_spark
from hopyard.web.hosts import go_over, is_here
from hopyard.web.livy import returned_headers
from hopyard.web.seal import CookieSession
from hopyard.web.wiring import Wiring

router = APIRouter(prefix="/projects/{project}")
_IN_UI = re.compile(r"/(?:applications|batches)/[^/]+/ui/(.*)")
METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]


@router.get("/applications/{number}/ui")
@router.get("/batches/{number}/ui")
async def without_slash(request: Request, who: SessionsUser, number: int) -> Response:
    """Lead to the address below which the page's links work."""
    return RedirectResponse(f"{request.url.path}/", 307)


@router.api_route("/applications/{number}/ui/{path:path}", methods=METHODS)
@made_by_spark
async def session_ui(
    request: Request, who: SessionsUser, services: Services, number: int, path: str
) -> Response:
    """Stream one request to a session's Spark UI and its answer back."""
    return await _stream(request, who, services, f"sessions/{number}")


@router.api_route("/batches/{number}/ui/{path:path}", methods=METHODS)
@made_by_spark
async def batch_ui(
    request: Request, who: SessionsUser, services: Services, number: int, path: str
) -> Response:
    """Stream one request to a batch's Spark UI and its answer back."""
    return await _stream(request, who, services, f"batches/{number}")


@router.get("/applications/{number}/statements/{statement}/text")
async def output(who: SessionsUser, services: Services, number: int, statement: int) -> Response:
    """Show all that a statement printed; its notebook shows the beginning."""
    answer = await services.livy.open_text(who.project.name, number, statement, who.token)
    return StreamingResponse(
        answer.aiter_raw(),
        media_type="text/plain; charset=utf-8",
        headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"},
        background=BackgroundTask(answer.aclose),
    )


async def _stream(request: Request, who: Member, services: Wiring, application: str) -> Response:
    if services.platform.hosts and is_here(request, services.platform):
        session = CookieSession(who.name, who.token, who.csrf)
        return go_over(request, services.platform, services.seal, session)
    sent = _IN_UI.search(request.scope["raw_path"].decode("latin-1").partition("?")[0])
    has_body = request.method not in ("GET", "HEAD", "OPTIONS")
    answer = await services.livy.open_ui(
        who.project.name,
        application,
        sent[1] if sent else "",
        who.token,
        method=request.method,
        query=request.url.query,
        headers=request.headers.items(),
        body=request.stream() if has_body else None,
    )
    html = "text/html" in request.headers.get("accept", "")
    if answer.status_code in (401, 404, 502, 503) and html and _is_json(answer):
        await answer.aclose()
        text = "This Spark application is not there (any more), or is not yours."
        if services.platform.hosts:  # our own pages look like nothing at this host
            return PlainTextResponse(text, 404)
        return respond(request, 404, text)
    streamed = StreamingResponse(
        answer.aiter_raw(), answer.status_code, background=BackgroundTask(answer.aclose)
    )
    streamed.raw_headers = returned_headers(answer)
    streamed.headers["Content-Security-Policy"] = PAGES_POLICY
    return streamed


def _is_json(answer: httpx.Response) -> bool:
    return "json" in answer.headers.get("content-type", "")
