"""The kernels' side of the Livy protocol: sparkmagic's client, session and command, made sound.

| sparkmagic | here |
| --- | --- |
| requests without a timeout, proxies of the environment used | bounded, loopback is loopback |
| retries POSTs that may have been accepted | with a key: our server does nothing twice |
| asks, then sleeps 0.2 s to 2 s, whatever happens | asks again at once: our server holds the GET |
| a session's name is nobody's | unique, and the application is called `PROJECT: NOTEBOOK` |
| the heartbeat's end is waited for (up to 30 s) | it is told to end |
| a failed statement is a text | the Python error of the driver, with its traceback |
"""

from __future__ import annotations

import contextlib
import threading
import time
import uuid
from typing import Any

import requests
from sparkmagic.livyclientlib.command import Command
from sparkmagic.livyclientlib.exceptions import LivyClientLibException
from sparkmagic.livyclientlib.livyreliablehttpclient import LivyReliableHttpClient
from sparkmagic.livyclientlib.livysession import LivySession
from sparkmagic.livyclientlib.sparkcontroller import SparkController
from sparkmagic.utils import configuration
from sparkmagic.utils.utils import get_sessions_info_html

from hopyard.notebook.kernels import naming
from hopyard.notebook.kernels.steps import Steps

TIMEOUT = (5.0, 70.0)
"""Seconds to connect, and to wait for an answer; the server holds a GET for a second."""
AWAY_SECONDS = 60.0
"""How long a Livy server may be away, for a restart, before a request fails."""
AWAY = (502, 503, 504)
"""A proxy's words for a server that is away."""
NO_ANSWER = "The Livy server does not answer ({}): try again in a moment."
CANCEL_SECONDS = 20.0
LOGS_LINES = 1000
"""What `%%logs` shows."""
LOG_LINES = 20
"""Of the driver's log, shown where a session did not start."""
QUICK = 0.05
"""An answer without news that came sooner was not held: then wait this long before the next."""
WORKING = ("idle", "busy", "running")
OVER = ("shutting_down", "error", "dead", "killed", "success")
DONE = ("available", "error", "cancelled")


class _Plain:
    """An error shown as the traceback of the driver, or as one sentence: not our own frames."""

    lines: list[str]
    printed = ""
    """What the code printed before it failed."""

    def _render_traceback_(self) -> list[str]:
        return self.lines


def _sentence(error: LivyClientLibException) -> list[str]:
    return [f"\x1b[31m{error}\x1b[0m"]


# Sparkmagic's own errors say what was wrong in a sentence too: no need for its frames.
LivyClientLibException._render_traceback_ = _sentence


class LivyError(_Plain, LivyClientLibException):  # type: ignore[misc]
    """What went wrong between the kernel and the Livy server, in a sentence."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.lines = [f"\x1b[31m{message}\x1b[0m"]


class SessionOver(LivyError):
    """There is no session any more; the next cell makes a new one."""


class StatementError(_Plain, LivyClientLibException):  # type: ignore[misc]
    """An error of the user's code in the driver; the class shown has the driver's name."""

    @classmethod
    def of(cls, output: dict[str, Any]) -> StatementError:
        """Make the error from a statement's output."""
        error: StatementError = type(output.get("ename") or "Error", (cls,), {})(
            output.get("evalue", "")
        )
        lines = [line.rstrip("\n") for line in output.get("traceback") or ()]
        error.printed = (output.get("data") or {}).get("text/plain", "")
        error.lines = lines or [f"\x1b[31m{type(error).__name__}\x1b[0m: {error}"]
        return error


class Interrupted(_Plain, KeyboardInterrupt):
    """The user interrupted the cell."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.lines = [message]


Interrupted.__name__ = "KeyboardInterrupt"


class Http:
    """Requests to the Livy server, in the form that sparkmagic's client expects."""

    def __init__(self, url: str, auth: Any) -> None:
        self._url = url.rstrip("/")
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.auth = auth
        self._session.headers["X-Requested-By"] = "hopyard"

    def get(self, path: str, accepted: list[int]) -> requests.Response:
        """GET; tried again while the server is away."""
        return self._send("GET", path, accepted)

    def post(self, path: str, accepted: list[int], data: Any) -> requests.Response:
        """POST; tried again while the server is away: by its key it is taken once."""
        return self._send("POST", path, accepted, data)

    def delete(self, path: str, accepted: list[int], patience: float = 10) -> requests.Response:
        """DELETE; tried again while the server is away."""
        return self._send("DELETE", path, accepted, patience=patience)

    def ask(self, path: str, data: Any, seconds: float) -> requests.Response:
        """POST a question; one try, which may take some seconds."""
        try:
            response = self._session.post(
                self._url + path, json=data, timeout=(TIMEOUT[0], seconds)
            )
        except requests.exceptions.RequestException as error:
            raise LivyError(NO_ANSWER.format(type(error).__name__)) from None
        if response.status_code != 200:
            raise LivyError(reason_of(response))
        return response

    def stream(self, path: str, headers: dict[str, str]) -> requests.Response:
        """GET whose answer is read while it comes; one try."""
        response = self._session.get(
            self._url + path, headers=headers, stream=True, timeout=TIMEOUT
        )
        if response.status_code != 200 and response.status_code not in AWAY:
            with response:
                raise LivyError(reason_of(response))
        response.raise_for_status()
        return response

    def _send(
        self,
        method: str,
        path: str,
        accepted: list[int],
        data: Any = None,
        patience: float = AWAY_SECONDS,
    ) -> requests.Response:
        until = time.monotonic() + patience
        pause = 0.05
        headers = {"Idempotency-Key": uuid.uuid4().hex} if method == "POST" else None
        while True:
            try:
                response = self._session.request(
                    method, self._url + path, json=data, headers=headers, timeout=TIMEOUT
                )
            except requests.exceptions.RequestException as error:
                if time.monotonic() > until:
                    raise LivyError(NO_ANSWER.format(type(error).__name__)) from None
            else:
                if response.status_code in accepted:
                    return response
                if response.status_code not in AWAY or time.monotonic() > until:
                    raise LivyError(reason_of(response))
            time.sleep(pause)
            pause = min(pause * 2, 1.0)


def reason_of(response: requests.Response) -> str:
    """Return why the Livy server refused, as a sentence."""
    try:
        message = response.json()
        text = message.get("msg") or message.get("detail") if isinstance(message, dict) else message
    except ValueError:
        text = response.text[:500]
    return str(text or f"The Livy server answered {response.status_code}.")


class Session(LivySession):  # type: ignore[misc]
    """One Livy session."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self._mine = False
        self.lost = False
        """Whether it is over, and the user was told so."""
        self.borrowed = False
        """Whether another notebook made it: this one does not end it."""
        self._steps = Steps()
        self._beat_ended = threading.Event()
        super().__init__(*arguments, **named)

    def start(self) -> None:
        """Make the session, wait until Spark runs, show the table."""
        response = self._http_client.post_session(naming.of_new(self.properties))
        self.id, self.status, self._mine = response["id"], response["state"], True
        self.ipython_display.writeln("Starting Spark application")
        self._join()

    def go_on(self, words: str) -> None:
        """Use a session that another kernel began: wait until Spark runs, show the table."""
        self.refresh_status_and_info()
        self._mine = True
        self.ipython_display.writeln(words)
        self._join()

    def _join(self) -> None:
        self._start_heartbeat_thread()
        if self.status not in WORKING:
            self._load_pandas()
        self.wait_for_idle(configuration.livy_session_startup_timeout_seconds())
        self._steps.show(str(self), get_sessions_info_html([self], self.id))
        self.ipython_display.writeln("SparkSession available as 'spark'.")
        self.sql_context_variable_name = "spark"

    @property
    def http(self) -> Http:
        """The connection to its server."""
        http: Http = self.http_client._http_client
        return http

    @staticmethod
    def _load_pandas() -> None:
        """Spend the wait for Spark on what `%%sql` will need."""
        import pandas
        import pyarrow  # noqa: F401

        _ = pandas.DataFrame

    def wait_for_idle(self, seconds_to_wait: float | None = None) -> None:
        """Wait until statements can be sent; one that runs already is no reason to wait."""
        until = time.monotonic() + (seconds_to_wait or 60)
        while True:
            asked = time.monotonic()
            self.refresh_status_and_info()
            if self.status in WORKING:
                return
            if self.status in OVER:
                raise self.over()
            self._show_step()
            if time.monotonic() > until:
                raise LivyError(
                    f"Spark session {self.id} did not start in {seconds_to_wait:.0f} s; "
                    f"its driver log says why: {self.get_driver_log_url()}"
                )
            if time.monotonic() - asked < QUICK:
                time.sleep(QUICK)

    def _show_step(self) -> None:
        steps = [line for line in self.session_info.splitlines() if line.strip()]
        if self._mine and steps:
            self._steps.show(f"{steps[-1]} …")

    def over(self) -> SessionOver:
        """Return the error that says why there is no session any more, and what to do."""
        self.lost = True
        lines = [line for line in self.session_info.splitlines() if line.strip()]
        reason = lines[-1].rstrip(".") if lines else f"it is {self.status}"
        started = self._app_id is not None
        error = SessionOver(
            f"Spark session {self.id} {'has ended' if started else 'did not start'}: {reason}. "
            "The next cell starts a new one"
            + ("; what the old one had in memory is gone." if started else ".")
        )
        if not started:
            with contextlib.suppress(LivyError):
                path = f"/sessions/{self.id}/log?size={LOG_LINES}"
                log = self.http.get(path, [200]).json()["log"]
                error.lines += ["The end of the driver's log:", *log]
        return error

    def get_logs(self) -> str:
        """Return the end of the driver's log, for `%%logs`."""
        log = self.http.get(f"/sessions/{self.id}/log?size={LOGS_LINES}", [200]).json()["log"]
        return "\n".join(log)

    def get_user(self) -> str:
        """Return whose session it is."""
        session = self._http_client.get_session(self.id)
        return session.get("proxyUser") or session.get("owner") or ""

    def delete(self) -> None:
        """End the session, or leave it where it is another notebook's; one that is gone is fine."""
        if self.id == -1:
            return
        self._stop_heartbeat_thread()
        if not self.borrowed:
            self._http_client.delete_session(self.id)
        self.status, self.id = "dead", -1

    def _start_heartbeat_thread(self) -> None:
        # A session that is only listed must not be kept alive by the list.
        if not self._mine or not self._should_heartbeat:
            return
        threading.Thread(target=self._beat, name="livy-heartbeat", daemon=True).start()

    def _stop_heartbeat_thread(self) -> None:
        self._beat_ended.set()

    def _beat(self) -> None:
        # Its own connection: requests' sessions are not made for two threads.
        http = Http(self.endpoint.url, self.endpoint.auth)
        while not self._beat_ended.wait(configuration.heartbeat_refresh_seconds()):
            with contextlib.suppress(LivyError):
                http.get(f"/sessions/{self.id}/state", [200])


class Controller(SparkController):  # type: ignore[misc]
    """Keeps this notebook's session, and can end it at any time, also while it starts."""

    starting: Session | None = None

    def _http_client(self, endpoint: Any) -> LivyReliableHttpClient:
        if endpoint not in self._http_clients:
            self._http_clients[endpoint] = LivyReliableHttpClient(
                Http(endpoint.url, endpoint.auth), endpoint
            )
        return self._http_clients[endpoint]

    def _livy_session(
        self, http_client: Any, properties: dict[str, Any], display: Any, session_id: int = -1
    ) -> Session:
        session = Session(
            http_client,
            properties,
            display,
            session_id,
            heartbeat_timeout=int(configuration.livy_server_heartbeat_timeout_seconds()),
        )
        if session_id == -1:
            self.starting = session
        return session

    def http(self, endpoint: Any) -> Http:
        """Return the connection to a server."""
        http: Http = self._http_client(endpoint)._http_client
        return http

    def known_session(self, endpoint: Any, properties: dict[str, Any], number: int) -> Session:
        """Return a session that the server has already."""
        return self._livy_session(
            self._http_client(endpoint), properties, self.ipython_display, number
        )

    def end_all(self) -> None:
        """Delete this kernel's session, unless it is to stay.

        For the kernel's shutdown, from whatever thread.
        """
        sessions = {id(known): known for known in self.session_manager.sessions.values()}
        if self.starting is not None:
            sessions[id(self.starting)] = self.starting
        for session in sessions.values():
            if session.id == -1:
                continue
            if not session.borrowed and not naming.keeps(session.properties):
                http = Http(session.endpoint.url, session.endpoint.auth)
                with contextlib.suppress(LivyError):
                    http.delete(f"/sessions/{session.id}", [200, 404], patience=2)
            session._stop_heartbeat_thread()


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
