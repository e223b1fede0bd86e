"""A cell that runs in the driver: what it shows appears while it runs."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from IPython.core.error import StdinNotImplementedError

from hopyard.notebook.kernels.cut import Cut, Message
from hopyard.notebook.kernels.errors import Interrupted, LivyError, StatementError
from hopyard.notebook.kernels.events import Events
from hopyard.notebook.kernels.pretty import html_of
from hopyard.notebook.kernels.progress import Progress
from hopyard.notebook.kernels.session import Session
from hopyard.notebook.kernels.statements import CANCEL_SECONDS, say_if_over
from hopyard.protocol.displays import NEXT_INPUT, PICTURES

NOBODY = "The code asks for input, and nobody can answer here: it was stopped.\n"


class Cell:
    """One cell of the notebook, while it runs.

    Args:
        kernel: the kernel that runs it.
        session: where its code runs.
        pretty: whether tables in its text become HTML; then its text comes when it is done.
    """

    def __init__(self, kernel: Any, session: Session, *, pretty: bool = False) -> None:
        self._kernel = kernel
        self._http = session.http
        self._session = session
        self._progress = Progress(self._send)
        self._path: str | None = None
        """The statement that the cell became."""
        self._cut = Cut(None)
        self._shown: set[str] = set()
        """Pictures that were displayed."""
        self._pretty = pretty
        self._printed = ""
        """Text that is not shown yet."""
        self._clearing = False
        """Whether what comes next takes back what is shown."""

    def run(self, code: str, kind: str) -> None:
        """Run code in the driver and show what it gives, as it comes.

        Raises:
            StatementError: the code failed.
            Interrupted: the user interrupted it; the statement was cancelled.
            LivyError: the session is over, or the Livy server is not there.
        """
        statements = f"/sessions/{self._session.id}/statements"
        try:
            try:
                body = {"code": code, "kind": kind}
                # Its events come in the same answer: asking for them is a way there and back.
                answer = self._http.open(statements, [201], body)
                self._path = f"{statements}/{answer.headers['Location'].rpartition('/')[2]}"
                self._cut = Cut(answer.links.get("alternate", {}).get("url"))
                # For the Jupyter server's recorder; pages ignore it.
                whole = self._cut.address
                self._send("hopyard_statement", {"path": self._path, "whole": whole})
                events = Events(self._http, self._path, answer)
                result = self._show(events)
            except LivyError:
                say_if_over(self._session)
                raise
        except KeyboardInterrupt:
            if self._path is None:
                raise Interrupted("Interrupted before the code was sent.") from None
            self._cancel()
            # What it still says, and its end, for the next cell to find a free session.
            self._show(events, CANCEL_SECONDS)
            raise Interrupted("Interrupted: the code was stopped, the session goes on.") from None
        finally:
            self._show_printed()
            self._progress.end()
            if self._path is not None:
                number = int(self._path.rpartition("/")[2])
                late = self._session.late(self._kernel)
                late.add(number, self._kernel.get_parent("shell"), self._cut)
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
            if payload.get("late"):  # told by the session too
                continue
            if self._clearing and kind in ("stream", "display_data"):
                self._cleared()
            if kind == "stream":
                self._send_all(self._cut.stream(payload))
            elif kind == "display_data":
                self._display(payload)
            elif kind == "update_display":
                self._send("update_display_data", payload)
            elif kind == "clear_output":
                self._send_all([("clear_output", payload)])
                self._clearing = True
                if not payload["wait"]:
                    self._cleared()
            elif kind == "progress":
                self._progress.update(payload)
            elif kind == "input_request":
                self._ask(payload)
            if until is not None and time.monotonic() > until:
                break
        return {}

    def _display(self, payload: dict[str, Any]) -> None:
        data = payload["data"]
        if NEXT_INPUT in data:
            self._kernel.shell.set_next_input(data[NEXT_INPUT])
            return
        self._shown.update(data[mime] for mime in PICTURES if mime in data)
        self._send_all([("display_data", payload)])

    def _cleared(self) -> None:
        """The cell shows nothing any more: there is room again, and no bar."""
        self._clearing = False
        self._cut = Cut(self._cut.address)
        self._shown.clear()
        self._printed = ""
        self._progress.hidden()

    def _ask(self, question: dict[str, Any]) -> None:
        """Ask the notebook's user what the code asks; the answer goes to the driver."""
        kernel = self._kernel
        self._show_printed()
        try:
            ask = kernel.getpass if question["password"] else kernel.raw_input
            value = ask(question["prompt"])
        except StdinNotImplementedError:
            self._cancel()
            self._send("stream", {"name": "stderr", "text": NOBODY})
            return
        # 409: it does not ask any more, since the answer came before and only its receipt was lost.
        self._http.post(f"{self._path}/input", [200, 409], {"value": value})

    def _cancel(self) -> None:
        self._http.post(f"{self._path}/cancel", [200], {})

    def _result(self, result: dict[str, Any]) -> None:
        data = result.get("data") or {}
        # A plot is the result for clients that see nothing else; here it was shown already.
        data = {mime: value for mime, value in data.items() if not self._was_shown(mime, value)}
        if self._pretty and (table := html_of(str(data.get("text/plain", "")))):
            data = {"text/html": table} | data
        if data:
            content = {"data": data, "metadata": result.get("metadata") or {}}
            count = {"execution_count": self._kernel.shell.displayhook.prompt_count}
            self._send_all(self._cut.result(content | count))

    def _was_shown(self, mime: str, value: Any) -> bool:
        return mime in PICTURES and value in self._shown

    def _send_all(self, messages: Iterable[Message]) -> None:
        for kind, content in messages:
            if self._pretty and kind == "stream" and content["name"] == "stdout":
                self._printed += content["text"]
            else:
                self._show_printed()
                self._send(kind, content)

    def _show_printed(self) -> None:
        text, self._printed = self._printed, ""
        if table := html_of(text):
            self._send(
                "display_data", {"data": {"text/html": table, "text/plain": text}, "metadata": {}}
            )
        elif text:
            self._send("stream", {"name": "stdout", "text": text})

    def _send(self, kind: str, content: dict[str, Any]) -> None:
        self._kernel.send_response(self._kernel.iopub_socket, kind, content)
