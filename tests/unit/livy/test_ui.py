"""Redirects of the Spark UI, as browsers see them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from fastapi import FastAPI, Request, Response
from fastapi.testclient import TestClient

from hopyard.livy.routes.ui import forward, hidden, moved, raw_rest
from hopyard.livy.views import Addresses
from hopyard.mask import Mask
from hopyard.protocol.spark_ui import PAGES_POLICY, signed
from hopyard.settings import Platform

BASE, PUBLIC = "http://127.0.0.1:4040", "/projects/p/applications/7/ui"


@pytest.mark.parametrize(
    ("location", "seen"),
    [
        ("http://127.0.0.1:4040/jobs/", f"{PUBLIC}/jobs/"),
        (f"http://127.0.0.1:4040{PUBLIC}/jobs/?id=1", f"{PUBLIC}/jobs/?id=1"),
        ("/stages/", f"{PUBLIC}/stages/"),
        (f"{PUBLIC}/stages/", f"{PUBLIC}/stages/"),
        ("http://elsewhere.example/x", f"{PUBLIC}/"),
        ("//elsewhere.example/x", f"{PUBLIC}/"),
    ],
)
def test_redirects_stay_inside(location: str, seen: str) -> None:
    assert moved(location, BASE, PUBLIC) == seen


def test_signed_token_has_three_parts_without_padding() -> None:
    parts = signed(b"k" * 32).split(".")
    assert len(parts) == 3
    assert not any("=" in part for part in parts)


@pytest.mark.parametrize("cut", range(1, 24))
async def test_secrets_are_hidden_on_pages_however_they_come(cut: int) -> None:
    page = "<td>é s3&amp;cret</td>".encode()
    mask = Mask()
    mask.add("s3&cret")

    async def pieces() -> AsyncIterator[bytes]:
        yield page[:cut]
        yield page[cut:]

    shown = b"".join([piece async for piece in hidden(pieces(), mask)])
    assert shown.decode() == "<td>é ********</td>"


HOME, MAIN = "http://127.0.0.1:9003", "http://hop.example"
EVIL = "<script>fetch('/projects/')</script>"


@pytest.fixture
def asked() -> Iterator[TestClient]:
    """The way of a platform's livy to a Spark UI that says what its application's code wants."""
    platform = Platform.model_construct(public_url=f"{MAIN}/", livy_url=f"{HOME}/")
    app = FastAPI()
    app.state.ui_client = httpx.AsyncClient(
        transport=httpx.MockTransport(
            lambda _: httpx.Response(200, stream=httpx.ByteStream(EVIL.encode()))
        )
    )

    @app.api_route("/livy/projects/p/sessions/7/ui/{path:path}", methods=["GET", "POST"])
    async def ui(path: str, request: Request) -> Response:
        addresses = Addresses(platform, "")
        return await forward(
            request,
            raw_rest(request, "/ui/"),
            base=BASE,
            secret=b"k",
            public=PUBLIC,
            addresses=addresses,
        )

    with TestClient(app, follow_redirects=False) as client:
        yield client


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("host", [MAIN, "http://127.0.0.1", "http://localhost:9003", "http://x"])
def test_browser_gets_no_page_of_a_spark_ui_at_another_address_than_its_own(
    asked: TestClient, method: str, host: str
) -> None:
    url = f"{host}/livy/projects/p/sessions/7/ui/a%2Fb/?id=1"
    page = asked.request(method, url, headers={"Accept": "text/html,*/*;q=0.8"})
    assert page.status_code == 303
    assert page.headers["location"] == f"{PUBLIC}/a%2Fb/?id=1"
    assert EVIL not in page.text
    # What asks for no page gets the answer, of which a browser runs nothing.
    answer = asked.request(method, url, headers={"Accept": "*/*"})
    assert answer.text == EVIL
    assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none';")


def test_web_gets_the_page_of_a_spark_ui(asked: TestClient) -> None:
    url = f"{HOME}/livy/projects/p/sessions/7/ui/jobs/"
    page = asked.get(url, headers={"Accept": "text/html"})
    assert page.text == EVIL
    assert page.headers["content-security-policy"] == PAGES_POLICY
