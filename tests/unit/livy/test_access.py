"""Who is asking."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from starlette.requests import Request

from hopyard.errors import NotAllowed, NotSignedIn, SetupError
from hopyard.livy.access import (
    LoopbackAccess,
    TokenFileAccess,
    is_loopback,
    refuse_cross_site,
    token_of,
)


def request(method: str = "GET", client: str = "127.0.0.1", **headers: str) -> Request:
    headers = {"host": "127.0.0.1:8998", **headers}
    raw = [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()]
    return Request({"type": "http", "method": method, "client": (client, 1), "headers": raw})


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer abc", "abc"),
        ("token abc", "abc"),
        ("Basic " + base64.b64encode(b"user:a:c").decode(), "a:c"),
        ("Basic !!!", None),
        ("Basic " + base64.b64encode(b"\xff\xff").decode(), None),
        ("Digest x", None),
        ("", None),
    ],
)
def test_token(header: str, token: str | None) -> None:
    assert token_of(request(authorization=header)) == token


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"origin": "http://elsewhere.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:8998", "content_type": "text/plain; charset=utf-8"},
    ],
)
def test_post_of_another_sites_page_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(NotAllowed):
        refuse_cross_site(request("POST", **headers), "POST", set())


def test_clients_and_own_pages_may_post() -> None:
    for headers in (
        {},
        {"content_type": "text/plain"},
        {"origin": "http://127.0.0.1:8998", "content_type": "application/json"},
        {"origin": "https://own.example"},
    ):
        refuse_cross_site(request("POST", **headers), "POST", {"own.example"})


async def test_loopback_only_and_by_its_own_name() -> None:
    access = LoopbackAccess()
    assert (await access.caller(request(), None)).user == ""
    nameless = Request({"type": "http", "client": ("127.0.0.1", 1), "headers": []})
    assert (await access.caller(nameless, None)).user == ""
    for wrong in (request(client="10.0.0.9"), request(host="rebound.example"), request(host="")):
        with pytest.raises(NotSignedIn):
            await access.caller(wrong, None)


async def test_token_file(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text("# people\nann secret-a\nbob secret-b # note\n\n")
    access = TokenFileAccess(file)
    assert (await access.caller(request(authorization="Bearer secret-b"), None)).user == "bob"
    for wrong in ("Bearer secret", "Bearer ", ""):
        with pytest.raises(NotSignedIn):
            await access.caller(request(authorization=wrong), None)
    file.write_text("root secret-r admin\n")
    found = await TokenFileAccess(file).caller(request(authorization="Bearer secret-r"), None)
    assert found.manages
    file.write_text("ann secret-a king\n")
    with pytest.raises(SetupError):
        TokenFileAccess(file)
    file.write_text("ann\n")
    with pytest.raises(SetupError):
        TokenFileAccess(file)


def test_loopback_names() -> None:
    assert all(map(is_loopback, ("localhost", "127.0.0.1", "127.9.9.9", "::1")))
    assert not any(map(is_loopback, ("0.0.0.0", "example.org", "", "10.0.0.1", "localhost.x")))
