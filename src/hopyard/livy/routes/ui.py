"""The Spark UI of a session or a batch, through this server.

The UI listens on loopback and wants a signed request (Spark's JWSFilter). The caller's own
credentials and cookies are not passed on, nor are cookies passed back; redirects are turned to
where browsers see the UI.

What comes back is what the application's code makes of it, and `/livy` is at the platform's own
host. There a browser gets none of it as a page: not even by a link with somebody's token in it.
"""

from __future__ import annotations

import codecs
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import httpx
from fastapi import APIRouter, Request, Response
from starlette.background import BackgroundTask
from starlette.responses import RedirectResponse, StreamingResponse

from hopyard.errors import NotFound, Unavailable
from hopyard.livy.deps import Asking, Known
from hopyard.livy.views import Addresses
from hopyard.mask import Mask
from hopyard.protocol import names
from hopyard.protocol.spark_ui import PAGES_POLICY, signed

router = APIRouter(tags=["spark ui"])
UI = "/sessions/{session}/ui/{path:path}"
TEXTS = ("text/", "application/json", "application/javascript")
"""What of the UI may hold a secret that is to be hidden."""
PASSED = frozenset({"accept", "accept-language", "content-type", "range", "if-modified-since"})
SEALED = "sandbox; default-src 'none'; frame-ancestors 'none'"
"""For what is no page: nothing in it runs, and it belongs to no origin."""
RETURNED = frozenset(
    {"content-type", "content-encoding", "content-disposition", "cache-control", "last-modified"}
    | {"etag", "date", "vary"}
)


@router.get(UI)
@router.post(UI)
async def spark_ui(
    path: str, session: str, request: Request, known: Known, caller: Asking
) -> Response:
    """Pass a request on to a session's Spark UI (ours, not Livy's)."""
    found = known.sessions.in_application(caller, session)
    if found.ui_url is None or found.over:
        raise NotFound(f"Session '{session}' has no Spark UI.")
    return await forward(
        request,
        raw_rest(request, f"/sessions/{session}/ui/") or path,
        base=found.ui_url,
        secret=known.sessions.ui_secret(found),
        public=known.sessions.addresses.ui_base(found.project, found.application),
        addresses=known.sessions.addresses,
        mask=known.sessions.mask(found),
    )


def raw_rest(request: Request, before: str) -> str:
    """Return what follows in a request's path, as it was sent (nothing decoded)."""
    raw: str = request.scope.get("raw_path", b"").decode("latin-1").partition("?")[0]
    return raw.partition(before)[2]


async def forward(
    request: Request,
    rest: str,
    *,
    base: str,
    secret: bytes,
    public: str,
    addresses: Addresses,
    mask: Mask | None = None,
) -> Response:
    """Pass a request on to a Spark UI.

    Args:
        request: what came.
        rest: the path in the UI.
        base: where the UI is for us.
        secret: signs the request.
        public: the UI's path as browsers see it.
        addresses: tell web from others.
        mask: hides secrets that the application's code has read.

    Raises:
        InvalidInput: the path leads out of the UI.
    """
    base, rest = base.rstrip("/"), names.rest(rest)
    query = f"?{request.url.query}" if request.url.query else ""
    outside = addresses.is_outside(request.headers.get("host", ""))
    if outside and "text/html" in request.headers.get("accept", ""):
        return RedirectResponse(f"{public}/{rest}{query}", 303)
    headers = {name: value for name, value in request.headers.items() if name in PASSED}
    headers["Authorization"] = f"Bearer {signed(secret)}"
    accepted = request.headers.get("accept-encoding", "identity")
    masked = mask is not None and bool(mask.known)
    headers["Accept-Encoding"] = "identity" if masked else accepted  # it must be read here
    client: httpx.AsyncClient = request.app.state.ui_client
    outgoing = client.build_request(
        request.method,
        f"{base}/{rest}{query}",
        headers=headers,
        content=request.stream() if request.method == "POST" else None,
    )
    try:
        answer = await client.send(outgoing, stream=True)
    except httpx.HTTPError as error:
        raise Unavailable(f"The Spark UI does not answer ({type(error).__name__}).") from None
    kept = {name: value for name, value in answer.headers.items() if name in RETURNED}
    kept["content-security-policy"] = SEALED if outside else PAGES_POLICY
    if location := answer.headers.get("location"):
        kept["location"] = moved(location, base, public)
    body = answer.aiter_raw()
    if mask is not None and masked and answer.headers.get("content-type", "").startswith(TEXTS):
        body = hidden(body, mask)
    return StreamingResponse(
        body, answer.status_code, kept, background=BackgroundTask(answer.aclose)
    )


async def hidden(pieces: AsyncIterator[bytes], mask: Mask) -> AsyncIterator[bytes]:
    """Yield a text without a mask's values; what may be the beginning of one waits for the rest."""
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    held = ""
    async for piece in pieces:
        text = mask.hide(held + decoder.decode(piece))
        begun = mask.begun(text)
        text, held = text[: len(text) - begun], text[len(text) - begun :]
        yield text.encode("utf-8", "surrogateescape")
    yield mask.hide(held + decoder.decode(b"", final=True)).encode("utf-8", "surrogateescape")


def moved(location: str, base: str, public: str) -> str:
    """Return a redirect's address as browsers see it."""
    parts = urlsplit(location)
    if parts.netloc and parts.netloc != urlsplit(base).netloc:
        return f"{public}/"  # nowhere else
    path = parts.path if parts.path.startswith("/") else f"/{parts.path}"
    if not (path == public or path.startswith(f"{public}/")):
        path = public + path
    return path + (f"?{parts.query}" if parts.query else "")
