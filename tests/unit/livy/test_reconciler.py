"""When a session's time is up."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from hopyard.livy import rows
from hopyard.livy.reconciler import Reconciler
from hopyard.livy.records import Session
from hopyard.livy.requests import CreateSession
from hopyard.protocol.states import SessionState
from hopyard.settings import LivySettings
from hopyard.store.types import now


def out_of_time(waited: float, **asked: Any) -> str | None:
    """Why a session that was idle for so many seconds ends."""
    settings = LivySettings(warm_timeout=10, idle_timeout=100)
    session = Session(1, "p", "u", CreateSession(**asked), now(), state=SessionState.IDLE)
    session.used = session.seen = time.monotonic() - waited
    nothing: Any = None
    fault = Reconciler(nothing, nothing, nothing, settings, nothing)._out_of_time(session)
    return fault[1] if fault else None


def test_warm_session_that_nobody_takes_is_given_back() -> None:
    warm: dict[str, Any] = {"conf": {"hopyard.session.warm": "true"}}
    assert out_of_time(5, **warm) is None
    assert out_of_time(11, **warm) == "Nobody took it for 10 s."
    assert out_of_time(5, heartbeatTimeoutInSecond=1, **warm) is None, "nobody asks for it yet"


def test_idle_and_heartbeat_timeouts_end_a_session() -> None:
    assert out_of_time(50) is None
    assert out_of_time(101) == "It had no work for 100 s."
    assert out_of_time(5, idleTimeout="2s") == "It had no work for 2 s."
    assert out_of_time(5, heartbeatTimeoutInSecond=3) == "No client asked for it for 3 s."


def test_session_whose_driver_cannot_come_back_ends_with_the_reason() -> None:
    settings, nothing = LivySettings(orphan_timeout=20), _nothing()
    reconciler = Reconciler(nothing, nothing, nothing, settings, nothing)
    session = Session(1, "p", "u", CreateSession(), now(), state=SessionState.RECOVERING)
    session.app_id = "local-1"
    session.launched = time.monotonic() - 25
    assert reconciler._fault(session, known=True) is None, "the driver is the first to give up"
    session.launched -= 10
    fault = reconciler._fault(session, known=True)
    assert fault is not None
    assert fault[0] is SessionState.DEAD
    assert "did not dial home for 35 s (livy.orphan_timeout is 20 s)" in fault[1]
    assert session.move(fault[0])


def test_time_to_live_is_not_of_the_machines_clock() -> None:
    settings, nothing = LivySettings(), _nothing()
    reconciler = Reconciler(nothing, nothing, nothing, settings, nothing)
    asked = CreateSession(ttl="1h")
    for jump in (timedelta(days=-400), timedelta(days=400)):
        session = Session(1, "p", "u", asked, now() + jump, state=SessionState.IDLE)
        assert reconciler._out_of_time(session) is None
    session.made -= 3601
    assert reconciler._out_of_time(session) == (
        SessionState.KILLED,
        "Its time to live of 1h was over.",
    )


def test_moment_of_the_tables_in_own_clock() -> None:
    assert abs(rows._in_own_clock(now() - timedelta(seconds=90)) - (time.monotonic() - 90)) < 5
    # One that is yet to come: the machine's clock was set back.
    assert rows._in_own_clock(now() + timedelta(days=2)) <= time.monotonic()


def _nothing() -> Any:
    return None
