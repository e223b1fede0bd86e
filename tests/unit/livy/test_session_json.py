"""The JSON of a session is kept, and shows each change."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from hopyard.livy.records import Session
from hopyard.livy.requests import CreateSession
from hopyard.livy.views import Addresses, session_json, session_view
from hopyard.protocol.states import SessionState
from hopyard.store.types import now

CHANGES: dict[str, Callable[[Session], Any]] = {
    "state": lambda one: one.move(SessionState.DEAD),
    "step": lambda one: one.say("Starting the JVM"),
    "reason": lambda one: setattr(one, "reason", "It was stopped."),
    "application": lambda one: setattr(one, "app_id", None),
    "Spark UI": lambda one: setattr(one, "ui_url", None),
    "driver": lambda one: setattr(one, "secret_hash", ""),
    "leader": lambda one: setattr(one, "leader", 3),
    "request": lambda one: setattr(one, "request", CreateSession(name="taken")),
    "moment": lambda one: setattr(one, "created", one.created - timedelta(hours=1)),
}


@pytest.mark.parametrize("what", CHANGES)
def test_json_of_a_session_follows_each_change(what: str) -> None:
    addresses = Addresses(None, "http://127.0.0.1:8998/")
    session = Session(7, "p", "ada", CreateSession(), now(), state=SessionState.IDLE)
    session.app_id, session.ui_url, session.secret_hash = "local-1", "http://127.0.0.1:4040", "x"
    before = session_json(session, addresses)
    assert session_json(session, addresses) is before, "made once"
    CHANGES[what](session)
    after = session_json(session, addresses)
    assert after != before
    assert json.loads(after) == session_view(session, addresses)
