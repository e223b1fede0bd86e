"""Code of ours or of sparkmagic's, run in a session to its end, without live output."""

from __future__ import annotations

import time
from typing import Any

from sparkmagic.livyclientlib.command import Command

from hopyard.notebook.kernels.errors import Interrupted, LivyError, StatementError
from hopyard.notebook.kernels.session import OVER, QUICK, Session

CANCEL_SECONDS = 20.0
DONE = ("available", "error", "cancelled")


def run(session: Session, code: str, kind: str | None = None) -> dict[str, Any]:
    """Run code in the session and return what it gave, by MIME type (see `statement`)."""
    data: dict[str, Any] = statement(session, code, kind)["output"].get("data") or {}
    return data


def statement(session: Session, code: str, kind: str | None = None) -> dict[str, Any]:
    """Run code in the session, of its own kind or another; return the statement, which is done.

    Raises:
        StatementError: the code failed.
        Interrupted: the user interrupted it; the statement was cancelled.
        LivyError: the session is over, or the Livy server is not there.
    """
    client = session.http_client
    number: int | None = None
    try:
        try:
            body = {"code": code, "kind": kind or session.kind}
            number = client.post_statement(session.id, body)["id"]
            done = _wait(session, number)
        except LivyError:
            say_if_over(session)
            raise
    except KeyboardInterrupt:
        if number is None:
            raise Interrupted("Interrupted before the code was sent.") from None
        _cancel(session, number)
        raise Interrupted("Interrupted: the code was stopped, the session goes on.") from None
    output: dict[str, Any] = done["output"] or {}
    if output.get("status") == "error":
        if done["state"] == "error" or not output.get("traceback"):
            say_if_over(session)
        raise StatementError.of(output)
    return {**done, "output": output}


def _wait(session: Session, number: int) -> dict[str, Any]:
    """Return the statement once it is done."""
    while True:
        asked = time.monotonic()
        statement: dict[str, Any] = session.http_client.get_statement(session.id, number)
        if statement["state"] in DONE:
            return statement
        if time.monotonic() - asked < QUICK:
            time.sleep(QUICK / 5)


def _cancel(session: Session, number: int) -> None:
    """Stop a statement and wait until it has stopped, for the next one to find a free session."""
    until = time.monotonic() + CANCEL_SECONDS
    session.http_client.cancel_statement(session.id, number)
    while time.monotonic() < until:
        if session.http_client.get_statement(session.id, number)["state"] in DONE:
            return
        time.sleep(QUICK / 5)


def say_if_over(session: Session) -> None:
    """Raise why the session is over, if it is."""
    try:
        session.refresh_status_and_info()
    except LivyError as error:
        if "not found" in str(error):
            session.session_info = "it was deleted"
            raise session.over() from None
        return
    if session.status in OVER:
        raise session.over()


def execute(self: Command, session: Session) -> tuple[bool, Any, str]:
    """Run a command; in the place of `Command.execute`, for what sparkmagic sends itself."""
    return True, run(session, self.code).get("text/plain", ""), "text/plain"


Command.execute = execute
