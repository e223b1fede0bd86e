"""What was accepted is never answered by 5xx: clients send once more what failed so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from hopyard.errors import Unavailable
from hopyard.livy.app import create_app
from hopyard.livy.ledger import Ledger
from hopyard.livy.records import Session
from hopyard.livy.requests import CreateSession
from hopyard.protocol.states import Kind, SessionState
from hopyard.settings import Settings
from hopyard.store.types import now


async def test_statement_of_a_session_that_ends_meanwhile_is_accepted_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = create_app(Settings(data_dir=tmp_path), None)
    session = Session(
        id=1,
        project="standalone",
        owner="",
        request=CreateSession(kind=Kind.PYSPARK),
        created=now(),
        state=SessionState.IDLE,
    )
    app.state.services.sessions.adopt(session)
    written = []

    async def write_once(self: Ledger, *writes: Any) -> list[Any]:
        if written:
            raise Unavailable("The disk is full.")
        written.append(writes)
        session.move(SessionState.DEAD)  # while the statement is written down
        return [None]

    monkeypatch.setattr(Ledger, "write", write_once)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        answer = await client.post("/sessions/1/statements", json={"code": "1"})
        assert answer.status_code == 201
        shown = (await client.get("/sessions/1/statements/0")).json()
    assert shown["state"] == "error"
    assert len(written) == 1
