"""Odd values for every parameter of every route: a server refuses them, and never fails."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.routing import BaseRoute

LONG = bool(os.environ.get("HOPYARD_SOAK"))
TEXTS = (
    "9" * 5000,
    "\ud800",
    "\x00",
    "a\r\nb",
    "..",
    "-1",
    "🦆",
    "x" * 5000,
)
MORE_TEXTS = (
    *("", " ", ".", "a/b", "\\", "%2e", "%", "é", "\udfff\ud800", "\u2028", "\u202e", "\ufeff"),
    *("0", "+1", "1.5", "1e400", "NaN", "inf", "true", "null", "[]", "{}", "0x10", "１２", "²"),
    *("9" * 19, "9" * 309, "-" + "9" * 5000, "'\"<>&", "; drop", "${x}", "\x7f", "\x85", "\x1b[0m"),
)
JSONS: tuple[Any, ...] = (10**30, -(10**400), 1e308, True, [], {}, [[[]]], None)
HEADERS = (
    *("Authorization", "Cookie", "Content-Type", "Accept", "Origin", "Last-Event-ID", "Range"),
    *("Idempotency-Key", "X-Request-ID", "X-Requested-By", "Sec-Fetch-Site", "X-Forwarded-For"),
    *("HX-Request", "X-CSRF-Token", "X-Hopyard-User", "Referer", "Accept-Language"),
)
ODD_HEADERS = (b"\xff\xfe", b"9" * 5000, b"Bearer \xe9", b"Basic /////w==", b"Basic =", b"x=\x80;;")
ODD_BODIES = (
    *(b"", b"\xff\xfe", b"[" * 20_000, b'{"a":' * 20_000, b"null", b'"x"', b"{", b"9" * 5000),
)
RAW = ("%ff%fe", "%ed%a0%80", "%00", "%0d%0a", "%e2%80%a8", "%", "%2")
"""Percent signs as no client writes them."""


@dataclass(frozen=True)
class Odd:
    """One request."""

    method: str
    path: str
    query: str = ""
    headers: dict[str, bytes] = field(default_factory=dict)
    body: bytes | None = None

    def __str__(self) -> str:
        parts = (self.method, f"{self.path}?{self.query}"[:150], str(self.headers)[:150])
        return " ".join((*parts, repr((self.body or b"")[:150])))


def texts() -> tuple[str, ...]:
    return (*TEXTS, *MORE_TEXTS) if LONG else TEXTS


def encoded(text: str) -> str:
    return quote(text.encode("utf-8", "surrogatepass"), safe="")


def requests(
    routes: Iterable[BaseRoute], known: dict[str, str], fields: Callable[[str, str], dict[str, Any]]
) -> Iterator[Odd]:
    """Every route with one odd value in one place.

    Args:
        routes: of the application.
        known: good values of parameters in paths.
        fields: of a method and a path the body's fields with good values.
    """
    for context in iter_route_contexts(routes):
        if isinstance(context.original_route, APIRoute) and context.path:
            queries = [one.alias for one in _parameters(context.dependant, "query_params")]
            forms = {one.alias: "x" for one in _parameters(context.dependant, "body_params")}
            for method in sorted(context.methods or ()):
                yield from _of_route(
                    method, context.path, known, queries, forms, fields(method, context.path)
                )


def _parameters(dependant: Dependant, kind: str) -> Iterator[Any]:
    yield from getattr(dependant, kind)
    for inner in dependant.dependencies:
        yield from _parameters(inner, kind)


def _of_route(
    method: str,
    path: str,
    known: dict[str, str],
    queries: list[str],
    forms: dict[str, str],
    fields: dict[str, Any],
) -> Iterator[Odd]:
    template = path.replace(":path}", "}")
    names = [part[1:-1] for part in template.split("/") if part.startswith("{")]
    good = {name: known.get(name, "1") for name in names}
    usual = template.format(**good)
    body = json.dumps(fields).encode() if fields else None
    head = {"Content-Type": b"application/json"} if fields else {}
    for name in names:
        for value in (*map(encoded, texts()), *RAW):
            yield Odd(method, template.format(**{**good, name: value}), "", head, body)
    for name in queries:
        for value in (*map(encoded, texts()), *RAW):
            yield Odd(method, usual, f"{name}={value}", head, body)
    for header in HEADERS if LONG else random.Random(path).sample(HEADERS, 3):
        for odd in ODD_HEADERS:
            yield Odd(method, usual, "", head | {header: odd}, body)
    for name in fields:
        for odd in (*texts(), *JSONS, [texts()[0]], {"a": "\ud800"}, {"\ud800": "a"}):
            text = _dumped({**fields, name: odd})
            yield Odd(method, usual, "", head, text)
    form = {"Content-Type": b"application/x-www-form-urlencoded"}
    for name in forms:
        for value in (*map(encoded, texts()), *RAW):
            yield Odd(method, usual, "", form, f"{name}={value}".encode())
    if method not in ("GET", "HEAD"):
        for raw in ODD_BODIES:
            yield Odd(method, usual, "", {"Content-Type": b"application/json"}, raw)
        for multipart in (b"", b"--x\r\n", b"--x--", b"\xff"):
            kind = b"multipart/form-data; boundary=x"
            yield Odd(method, usual, "", {"Content-Type": kind}, multipart)


def _dumped(value: Any) -> bytes:
    return json.dumps(value).encode("utf-8", "surrogatepass")


async def failures(client: httpx.AsyncClient, asked: Iterable[Odd], allowed: set[int]) -> list[str]:
    """Send requests; return those whose answer is 500 or above, but for what is allowed."""
    found, count = [], 0
    for one in asked:
        count += 1
        try:
            url = client.base_url.copy_with(raw_path=_raw(one))
        except httpx.InvalidURL:
            continue
        try:
            async with client.stream(
                one.method, url, headers=one.headers, content=one.body, timeout=30
            ) as answer:
                status = answer.status_code
        except (httpx.LocalProtocolError, httpx.UnsupportedProtocol):
            continue  # nothing that can be sent
        except Exception as error:  # what the application raised, where it is in this process
            status = 599
            one = Odd(one.method, f"{one.path} [{type(error).__name__}: {error}]"[:300])
        if status >= 500 and status not in allowed:
            found.append(f"{status} {one}")
    print(count, "requests")
    return found


def _raw(one: Odd) -> bytes:
    return (one.path + (f"?{one.query}" if one.query else "")).encode("latin-1", "replace")
