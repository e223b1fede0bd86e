"""Warm sessions: a driver that was started beforehand, for the next session of the same kind.

POST /sessions with `hopyard.session.warm` in its `conf` makes a session that waits: it is in
nobody's list. The first POST after it that asks for the same driver (same user, same project) takes
it over, with its number, and is idle at once. What nobody takes is given back after
`livy.warm_timeout`, when its Jupyter server stops or asks for another, or when its user needs the
place.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hopyard.livy.access import Caller
from hopyard.livy.records import Session
from hopyard.livy.requests import CreateSession
from hopyard.protocol.states import Kind

WARM = "hopyard.session.warm"
_NOT_OF_DRIVER = {"name", "kind", "heartbeatTimeoutInSecond", "ttl", "idleTimeout", "conf"}
"""What a session asks of this server, or of nobody: an adopted driver need not know."""
_NAME = "spark.app.name"


def asked(request: CreateSession) -> bool:
    """Say whether a request is for a session that waits."""
    return request.conf_texts().get(WARM) == "true"


def kinds(request: CreateSession) -> tuple[Kind, ...]:
    """Return whose interpreters a driver starts beforehand: who will take it is not known."""
    return (Kind.SPARK, Kind.SPARKR) if asked(request) else ()


def waits(session: Session) -> bool:
    """Say whether a session waits to be taken over: one that was used is its maker's."""
    return not session.over and asked(session.request) and session.next_statement == 0


def find(sessions: Iterable[Session], caller: Caller, request: CreateSession) -> Session | None:
    """Return a session that waits for this caller and this request."""
    wanted = _driver(request)
    for session in sessions:
        mine = (session.project, session.owner) == (caller.project, caller.user)
        if mine and waits(session) and _driver(session.request) == wanted:
            return session
    return None


def _driver(request: CreateSession) -> dict[str, Any]:
    """What of a request makes the driver what it is; the application's name is only shown."""
    conf = request.conf_texts()
    return {
        **{key: value for key, value in request if value and key not in _NOT_OF_DRIVER},
        "conf": {
            key: value
            for key, value in conf.items()
            if not key.startswith("hopyard.") and key != _NAME
        },
    }
