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


@pytest.mark.parametrize("path", ["/ping", "/sessions", "/sessions/7", "/no/such/place", "/ui"])
async def test_every_answer_has_security_headers(tmp_path: Path, path: str) -> None:
    app = create_app(Settings(data_dir=tmp_path), None)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        for method in ("GET", "POST", "OPTIONS"):
            _has_security(await client.request(method, path))


async def test_fault_of_the_server_has_security_headers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = create_app(Settings(data_dir=tmp_path), None)
    monkeypatch.setattr(app.state.services.sessions, "visible", None)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        answer = await client.get("/sessions")
    assert answer.status_code == 500
    _has_security(answer)


def _has_security(answer: httpx.Response) -> None:
    for name in ("Content-Security-Policy", "X-Frame-Options", "X-Content-Type-Options"):
        assert len(answer.headers.get_list(name)) == 1, (answer.request.url, name)
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["referrer-policy"] == "same-origin"
