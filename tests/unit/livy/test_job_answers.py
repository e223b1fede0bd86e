"""What Livy's clients see of a job."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from hopyard.livy.jobs import job_view
from hopyard.livy.records import Statement
from hopyard.protocol.media import JOB
from hopyard.protocol.states import Kind, StatementState


def job(state: StatementState, output: dict[str, Any] | None = None) -> Statement:
    return Statement(1, -3, "code", Kind.PYSPARK, state=state, output=output)


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        (StatementState.WAITING, "QUEUED"),
        (StatementState.RUNNING, "STARTED"),
        (StatementState.CANCELLING, "STARTED"),
        (StatementState.CANCELLED, "CANCELLED"),
    ],
)
def test_job_state_is_livys(state: StatementState, shown: str) -> None:
    assert job_view(job(state)) == {"id": 3, "state": shown, "result": None, "error": None}


def test_result_is_encoded_twice() -> None:
    output = {"status": "ok", "data": {JOB: "AAAA", "text/plain": "printed"}}
    view = job_view(job(StatementState.AVAILABLE, output))
    assert (view["state"], base64.b64decode(view["result"])) == ("SUCCEEDED", b"AAAA")


def test_result_that_is_too_large_is_a_failure() -> None:
    output = {"status": "ok", "data": {"text/plain": "[result left out: too large]"}}
    view = job_view(job(StatementState.AVAILABLE, output))
    assert (view["state"], view["result"]) == ("FAILED", None)
    assert view["error"] == "Client job error: [result left out: too large]"


def test_job_of_a_lost_session_says_why() -> None:
    output = {"status": "error", "ename": "SessionOver", "evalue": "killed", "traceback": []}
    view = job_view(job(StatementState.ERROR, output))
    assert (view["state"], view["error"]) == ("FAILED", "Client job error: SessionOver: killed")
