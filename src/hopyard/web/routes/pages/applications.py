"""The Spark UI of a session, streamed from livy in the person's name.

Thin: livy knows whose the session is and where its driver is; here only the sign-in is added.
"""

from __future__ import annotations

import httpx
from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response, StreamingResponse
from starlette.background import BackgroundTask

from hopyard.web.deps import Services, SessionsUser
from hopyard.web.failures import respond
from hopyard.web.forgery import made_by_spark
from hopyard.web.headers import SPARK_UI
from hopyard.web.livy import returned_headers

router = APIRouter(prefix="/projects/{project}/applications/{session}/ui")
METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]


@router.get("")
async def without_slash(who: SessionsUser, session: int) -> Response:
    """Lead to the address below which the page's links work."""
    return RedirectResponse(f"/projects/{who.project.name}/applications/{session}/ui/", 307)


@router.api_route("/{path:path}", methods=METHODS)
@made_by_spark
async def spark_ui(
    request: Request, who: SessionsUser, services: Services, session: int, path: str
) -> Response:
    """Stream one request to the Spark UI and its answer back."""
    has_body = request.method not in ("GET", "HEAD", "OPTIONS")
    answer = await services.livy.open_ui(
        who.project.name,
        session,
        path,
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
        return respond(request, 404, text)
    streamed = StreamingResponse(
        answer.aiter_raw(), answer.status_code, background=BackgroundTask(answer.aclose)
    )
    streamed.raw_headers = returned_headers(answer)
    streamed.headers["Content-Security-Policy"] = SPARK_UI
    return streamed


def _is_json(answer: httpx.Response) -> bool:
    return "json" in answer.headers.get("content-type", "")
