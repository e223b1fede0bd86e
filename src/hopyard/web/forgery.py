"""Requests that another site makes a signed-in browser send are refused.

Two checks for each method that changes something: the browser says where the request began
(`Origin`, `Sec-Fetch-Site`), and the page proves with the session's token that we made it. Pages of
a Spark UI, which Spark makes, cannot have that token: there the first check stands alone.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlsplit

from starlette.requests import Request

from hopyard.errors import NotAllowed

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
HEADER = "x-csrf-token"
FIELD = "csrf"

Route = TypeVar("Route", bound=Callable[..., object])
_made_by_spark: set[object] = set()


async def check(request: Request, token: str, public_url: str) -> None:
    """Check a request that came with a session's cookie.

    Raises:
        NotAllowed: it did not begin on one of our pages.
    """
    if request.method in SAFE:
        return
    if not _began_here(request, public_url):
        raise NotAllowed("This request did not begin on a page of this site.")
    if request.scope.get("endpoint") in _made_by_spark:
        return
    sent = request.headers.get(HEADER) or str((await request.form()).get(FIELD, ""))
    if not secrets.compare_digest(sent.encode(), token.encode()):
        raise NotAllowed("This page is too old: load it again, then repeat what you did.")


def _began_here(request: Request, public_url: str) -> bool:
    if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        return False
    origin = request.headers.get("origin")
    if origin is None:
        return False
    return urlsplit(origin).netloc in (request.headers.get("host"), urlsplit(public_url).netloc)


def made_by_spark(route: Route) -> Route:
    """Mark a route whose pages are Spark's: their forms have no token of ours."""
    _made_by_spark.add(route)
    return route
