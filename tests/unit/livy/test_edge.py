"""The number of a request: the client's own where it is well-formed."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from hopyard.livy.app import create_app
from hopyard.settings import Settings


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("abc-1.2:3_4", True),
        ("0af7651916cd43dd8448eb211c80319c", True),
        ("x" * 64, True),
        ("x" * 65, False),
        ("-x", False),
        ("two words", False),
        ("<script>", False),
        ("", False),
        (None, False),
    ],
)
async def test_number_of_a_request(tmp_path: Path, given: str | None, kept: bool) -> None:
    app = create_app(Settings(data_dir=tmp_path), None)
    transport = httpx.ASGITransport(app)
    headers = {} if given is None else {"X-Request-ID": given}
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        answer = await client.get("/ping", headers=headers)
    number = answer.headers["x-request-id"]
    assert (number == given) is kept
    assert number


async def test_requests_are_counted_by_route(tmp_path: Path) -> None:
    app = create_app(Settings(data_dir=tmp_path), None)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        for path in ("/sessions/77/state", "/sessions/78/state", "/no/such/place"):
            await client.get(path)
        shown = (await client.get("/metrics")).text
    labels = 'method="GET",route="/sessions/{session}/state",status="404"'
    assert f"livy_http_requests_total{{{labels}}}" in shown
    assert "sessions/78" not in shown
    assert 'route="other",status="404"' in shown
    assert 'livy_sessions{state="idle"} 0.0' in shown
