"""Jobs of Livy's Python client: pickled functions, and files that are added to a session.

A job is a statement that no list shows. It waits for its turn, is written down, is cancelled and
survives a restart as statements do; to keep it apart its number is below zero (job 3 is the
statement -3), so that neither disturbs the other's numbers.
"""

from __future__ import annotations

import base64
from typing import Any, Literal

from hopyard.errors import InvalidInput
from hopyard.livy.news import hold
from hopyard.livy.records import Session, Statement
from hopyard.livy.requests import SubmitJob
from hopyard.livy.statements import Statements
from hopyard.protocol.media import JOB
from hopyard.protocol.states import StatementState

MODULE = "hopyard.driver.interpreters.jobs"
PYTHON = "pyspark"
ADD_SECONDS = 5.0
"""How long an added file is waited for; the clients give up after 10."""

Resource = Literal["file", "pyfile", "jar"]

_STATES = {
    StatementState.WAITING: "QUEUED",
    StatementState.RUNNING: "STARTED",
    StatementState.CANCELLING: "STARTED",
    StatementState.CANCELLED: "CANCELLED",
    StatementState.ERROR: "FAILED",
}


async def submit(
    statements: Statements, session: Session, asked: SubmitJob, key: str | None
) -> dict[str, Any]:
    """Have the driver run a pickled function; return Livy's JSON of it.

    Raises:
        InvalidInput: there is no job in it, or it is none of Python.
    """
    if not asked.job:
        raise InvalidInput("requirement failed: no job provided.", "job")
    kind = asked.jobType or session.kind.value
    if kind != PYTHON:
        raise InvalidInput(
            f"Jobs of type '{kind}' (Livy's Java and Scala client) are not run here: "
            "allowed is 'pyspark', a function pickled by cloudpickle.",
            "jobType",
        )
    job = await statements.submit_job(session, _code("a client's job", f"run({asked.job!r})"), key)
    return {"id": -job.id, "state": "SENT", "result": None, "error": None}


async def add(
    statements: Statements, session: Session, what: Resource, path: str
) -> dict[str, str]:
    """Add a file to the application, before the statements that come later.

    Args:
        statements: all of them.
        session: whose driver is told.
        what: how it is used.
        path: where the driver finds it.

    Raises:
        InvalidInput: Spark refuses it, with its reason.
    """
    job = await statements.submit_job(session, _code(f"add {what}", f"add({what!r}, {path!r})"))
    await hold(job.news, lambda: job.state.over, ADD_SECONDS)
    output = job.output or {}
    if output.get("status") == "error":
        raise InvalidInput(f"{path} cannot be added: {output['ename']}: {output['evalue']}")
    return {"msg": "added" if job.state.over else "accepted: it is added before later statements"}


def job_view(job: Statement) -> dict[str, Any]:
    """Return a job's JSON, with Livy's keys."""
    output = job.output or {}
    view = {"id": -job.id, "state": _STATES.get(job.state), "result": None, "error": None}
    if job.state is StatementState.AVAILABLE:
        result = output.get("data", {}).get(JOB) if output.get("status") == "ok" else None
        view["state"] = "FAILED" if result is None else "SUCCEEDED"
        if result is not None:
            # Livy's server puts what Python gave in base64 once more, and clients rely on it.
            view["result"] = base64.b64encode(result.encode()).decode()
    if view["state"] == "FAILED":
        view["error"] = f"Client job error:{_reason(output)}"
    return view


def _reason(output: dict[str, Any]) -> str:
    if output.get("status") == "ok":
        return " " + str(output.get("data", {}).get("text/plain", "it returned nothing"))
    return "".join(output.get("traceback") or [f" {output.get('ename')}: {output.get('evalue')}"])


def _code(title: str, call: str) -> str:
    """Return code for the Python kernel that leaves no name in it; Spark's UI shows the title."""
    return f"# {title}\n__import__({MODULE!r}, fromlist=['run']).{call}"
