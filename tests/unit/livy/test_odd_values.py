"""Odd values in every parameter of the Livy server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import structlog
from fastapi import FastAPI

from hopyard.livy import jobs, talk
from tests import odd
from tests.unit.livy.served import IdleLauncher, served

CODE = {"code": "1", "kind": "pyspark"}
BODIES: dict[str, dict[str, Any]] = {
    "/sessions": {
        "kind": "pyspark",
        "name": "n",
        "proxyUser": None,
        "jars": [],
        "driverMemory": "1g",
        "driverCores": 1,
        "queue": "q",
        "conf": {},
        "heartbeatTimeoutInSecond": 60,
        "ttl": "10m",
    },
    "/batches": {"file": "a.py", "name": "n", "args": [], "className": "a.B", "numExecutors": 1},
    "statements": CODE,
    "completion": {**CODE, "cursor": 1},
    "inspect": {**CODE, "cursor": 1, "detail": 0},
    "submit-job": {"job": "AAAA", "jobType": "pyspark"},
    "add-file": {"uri": "a.txt"},
    "input": {"value": "x"},
}


def fields(method: str, path: str) -> dict[str, Any]:
    found = [body for end, body in BODIES.items() if path.endswith(end)]
    return found[0] if method == "POST" and found else {}


async def test_no_odd_value_makes_the_server_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(IdleLauncher, "uploads", lambda self, place: (tmp_path / place, place))
    monkeypatch.setattr(talk, "ASK_SECONDS", 0.001)  # there is no driver
    monkeypatch.setattr(jobs, "ADD_SECONDS", 0.0)
    monkeypatch.setattr(talk, "LISTENER_SECONDS", 0.0)
    limits = {"sessions_per_user": 10_000, "batches_per_user": 10_000, "batches_per_project": 9_999}
    async with served(tmp_path, {"ada": "token"}, hold=0, **limits) as http:
        app: FastAPI = http._transport.app  # type: ignore[attr-defined]
        http.headers["Authorization"] = "Bearer token"
        made = await http.post("/sessions", json={"kind": "pyspark", "name": "n"})
        assert made.status_code == 201
        await http.post("/batches", json={"file": "a.py", "name": "n"})
        await http.post("/sessions/n/statements", json={"code": "1"})
        known = {"session": "n", "batch": "n", "statement": "0", "job": "1"}
        asked = (
            one
            for one in odd.requests(app.routes, known, fields)
            if one.method != "DELETE" and not one.path.endswith(("/stop", "/events", "/late"))
        )
        with structlog.testing.capture_logs():  # tracebacks of thousands of lines otherwise
            found = await odd.failures(http, asked, set())
        assert not found, "\n".join(found)
