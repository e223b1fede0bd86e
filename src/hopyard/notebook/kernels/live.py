"""A cell that runs in the driver: what it shows appears while it runs."""

from __future__ import annotations

import time
from typing import Any

from hopyard.notebook.kernels.events import Events
from hopyard.notebook.kernels.livy import (
    CANCEL_SECONDS,
    Interrupted,
    LivyError,
    Session,
    StatementError,
    say_if_over,
)
from hopyard.notebook.kernels.progress import Progress

PICTURES = ("image/png", "image/jpeg", "image/svg+xml")


class Cell:
    """One cell of the notebook, while it runs.

    Args:
        kernel: the kernel that runs it.
        session: where its code runs.
    """

    def __init__(self, kernel: Any, session: Session) -> None:
        self._kernel = kernel
        self._http = session.http
        self._session = session
        self._progress = Progress(self._send)
        self._shown: set[str] = set()
        """Pictures that were displayed."""

    def run(self, code: str, kind: str) -> None:
        """Run code in the driver and show what it gives, as it comes.

        Raises:
            StatementError: the code failed.
            Interrupted: the user interrupted it; the statement was cancelled.
            LivyError: the session is over, or the Livy server is not there.
        """
        statements = f"/sessions/{self._session.id}/statements"
        path = None
        try:
            try:
                body = {"code": code, "kind": kind}
                sent = self._http.post(statements, [201], body).json()
                path = f"{statements}/{sent['id']}"
                # For the Jupyter server's recorder; pages ignore it.
                self._send("hopyard_statement", {"path": path})
                events = Events(self._http, path)
                result = self._show(events)
            except LivyError:
                say_if_over(self._session)
                raise
        except KeyboardInterrupt:
            if path is None:
                raise Interrupted("Interrupted before the code was sent.") from None
            self._http.post(f"{path}/cancel", [200], {})
            # What it still says, and its end, for the next cell to find a free session.
            self._show(events, CANCEL_SECONDS)
            raise Interrupted("Interrupted: the code was stopped, the session goes on.") from None
        finally:
            self._progress.end()
        if result["status"] != "ok":
            if not result.get("traceback"):
                say_if_over(self._session)
            raise StatementError.of(result)
        self._result(result)

    def _show(self, events: Events, seconds: float | None = None) -> dict[str, Any]:
        """Show what happens, until the statement is done; return its result."""
        until = None if seconds is None else time.monotonic() + seconds
        for kind, payload in events:
            if kind == "result":
                return payload
            if kind == "stream":
                self._send("stream", payload)
            elif kind == "display_data":
                self._shown.update(payload["data"][m] for m in PICTURES if m in payload["data"])
                self._send("display_data", payload)
            elif kind == "update_display":
                self._send("update_display_data", payload)
            elif kind == "progress":
                self._progress.update(payload)
            if until is not None and time.monotonic() > until:
                break
        return {}

    def _result(self, result: dict[str, Any]) -> None:
        data = result.get("data") or {}
        # A plot is the result for clients that see nothing else; here it was shown already.
        data = {mime: value for mime, value in data.items() if not self._was_shown(mime, value)}
        if data:
            content = {"data": data, "metadata": result.get("metadata") or {}}
            count = {"execution_count": self._kernel.shell.displayhook.prompt_count}
            self._send("execute_result", content | count)

    def _was_shown(self, mime: str, value: Any) -> bool:
        return mime in PICTURES and value in self._shown

    def _send(self, kind: str, content: dict[str, Any]) -> None:
        self._kernel.send_response(self._kernel.iopub_socket, kind, content)
