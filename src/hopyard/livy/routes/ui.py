"""A session's Spark UI, through this server.

The UI listens on loopback and wants a signed request (Spark's JWSFilter). The caller's own
credentials and cookies are not passed on, nor are cookies passed back; redirects are turned to
where browsers see the UI.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from urllib.parse import urlsplit

import httpx
from fastapi import APIRouter, Request, Response
from starlette.background import BackgroundTask
from starlette.responses import StreamingResponse

from hopyard.errors import NotFound, Unavailable
from hopyard.livy.deps import Known, Mine

router = APIRouter(tags=["spark ui"])
UI = "/sessions/{session}/ui/{path:path}"
PASSED = frozenset({"accept", "accept-language", "content-type", "range", "if-modified-since"})
RETURNED = frozenset(
    {"content-type", "content-encoding", "content-disposition", "cache-control", "last-modified"}
    | {"etag", "date", "vary"}
)
TOKEN_SECONDS = 60


def signed(secret: bytes) -> str:
    """Return a token that Spark's JWSFilter takes: HS256, valid for a minute."""

    def plain(part: bytes) -> str:
        return base64.urlsafe_b64encode(part).rstrip(b"=").decode()

    head = plain(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
    body = plain(json.dumps({"exp": int(time.time()) + TOKEN_SECONDS}).encode())
    signature = hmac.new(secret, f"{head}.{body}".encode(), hashlib.sha256).digest()
    return f"{head}.{body}.{plain(signature)}"


@router.get(UI)
@router.head(UI)
@router.post(UI)
async def spark_ui(path: str, request: Request, session: Mine, known: Known) -> Response:
    """Pass a request on to a session's Spark UI."""
    if session.ui_url is None or session.over:
        raise NotFound(f"Session '{session.id}' has no Spark UI.")
    base = session.ui_url.rstrip("/")
    raw = request.scope.get("raw_path", b"").decode("latin-1").partition("?")[0]
    rest = raw.partition(f"/sessions/{request.path_params['session']}/ui/")[2] or path
    headers = {name: value for name, value in request.headers.items() if name in PASSED}
    headers["Authorization"] = f"Bearer {signed(known.sessions.ui_secret(session))}"
    headers["Accept-Encoding"] = request.headers.get("accept-encoding", "identity")
    client: httpx.AsyncClient = request.app.state.ui_client
    query = request.url.query
    outgoing = client.build_request(
        request.method,
        f"{base}/{rest}" + (f"?{query}" if query else ""),
        headers=headers,
        content=request.stream() if request.method == "POST" else None,
    )
    try:
        answer = await client.send(outgoing, stream=True)
    except httpx.HTTPError as error:
        raise Unavailable(f"The Spark UI does not answer ({type(error).__name__}).") from None
    kept = {name: value for name, value in answer.headers.items() if name in RETURNED}
    if location := answer.headers.get("location"):
        public = known.sessions.addresses.ui_base(session.project, session.id)
        kept["location"] = moved(location, base, public)
    return StreamingResponse(
        answer.aiter_raw(), answer.status_code, kept, background=BackgroundTask(answer.aclose)
    )


def moved(location: str, base: str, public: str) -> str:
    """Return a redirect's address as browsers see it."""
    parts = urlsplit(location)
    if parts.netloc and parts.netloc != urlsplit(base).netloc:
        return f"{public}/"  # nowhere else
    path = parts.path if parts.path.startswith("/") else f"/{parts.path}"
    if not (path == public or path.startswith(f"{public}/")):
        path = public + path
    return path + (f"?{parts.query}" if parts.query else "")
