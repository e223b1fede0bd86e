"""The status page: what it shows, and that nothing in it comes alive."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest_asyncio

from hopyard.livy.app import create_app
from hopyard.livy.logfile import say
from hopyard.livy.records import Session, Statement
from hopyard.livy.requests import CreateSession
from hopyard.protocol.states import Kind, SessionState, StatementState
from hopyard.settings import Settings
from hopyard.store.types import now

BAD = "<script>alert(1)</script>"
ESCAPED = "&lt;script&gt;alert(1)&lt;/script&gt;"


@pytest_asyncio.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(Settings(data_dir=tmp_path), None)
    sessions = app.state.services.sessions
    session = Session(
        id=1,
        project="standalone",
        owner="",
        request=CreateSession(name=BAD, kind=Kind.PYSPARK),
        created=now(),
        state=SessionState.BUSY,
    )
    running = Statement(1, 0, f"'{BAD}'", Kind.PYSPARK, state=StatementState.RUNNING)
    running.events = [(1, "stream", {"name": "stdout", "text": BAD + "half an output"})]
    session.live[0] = running
    session.next_statement = 0  # what is listed comes from the tables
    sessions.adopt(session)
    say(sessions.log_file(session), f"{BAD} the driver's last words")
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client


async def test_root_leads_to_the_page(client: httpx.AsyncClient) -> None:
    answer = await client.get("/")
    assert (answer.status_code, answer.headers["location"]) == (302, "ui")


async def test_sessions_are_listed(client: httpx.AsyncClient) -> None:
    page = await client.get("/ui")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert 'http-equiv="refresh"' in page.text
    assert '<a href="ui/sessions/1">' in page.text
    assert "busy" in page.text
    assert ESCAPED in page.text
    assert "<script" not in page.text
    assert "http://" not in page.text
    assert "https://" not in page.text


async def test_a_session_is_shown_with_its_log(client: httpx.AsyncClient) -> None:
    page = (await client.get("/ui/sessions/1")).text
    assert "the driver&#39;s last words" in page
    assert ESCAPED in page
    assert "<script" not in page
    assert (await client.get("/ui/sessions/7")).status_code == 404
