"""The kernels' side of the Livy protocol: sparkmagic's client, session and command, made sound.

| sparkmagic | here |
| --- | --- |
| requests without a timeout, proxies of the environment used | bounded, loopback is loopback |
| retries POSTs that may have been accepted | only where no server was reached |
| asks, then sleeps 0.2 s to 2 s, whatever happens | asks again at once: our server holds the GET |
| a session's name is nobody's | unique, and the application is called `PROJECT: NOTEBOOK` |
| the heartbeat's end is waited for (up to 30 s) | it is told to end |
| a failed statement is a text | the Python error of the driver, with its traceback |
"""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
import time
from typing import Any

import requests
from sparkmagic.auth.customauth import Authenticator
from sparkmagic.livyclientlib.command import Command
from sparkmagic.livyclientlib.exceptions import LivyClientLibException
from sparkmagic.livyclientlib.livyreliablehttpclient import LivyReliableHttpClient
from sparkmagic.livyclientlib.livysession import LivySession
from sparkmagic.livyclientlib.sparkcontroller import SparkController
from sparkmagic.utils import configuration
from sparkmagic.utils.utils import get_sessions_info_html

TOKEN = "JUPYTERHUB_API_TOKEN"  # noqa: S105 - a variable's name
TIMEOUT = (5.0, 70.0)
"""Seconds to connect, and to wait for an answer; the server holds a GET for a second."""
AWAY_SECONDS = 60.0
"""How long a Livy server may be away, for a restart, before a request fails."""
AWAY = (502, 503, 504)
"""A proxy's words for a server that is away."""
NO_ANSWER = "The Livy server does not answer ({}): try again in a moment."
CANCEL_SECONDS = 20.0
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


class LivyError(_Plain, LivyClientLibException):  # type: ignore[misc]
    """What went wrong between the kernel and the Livy server, in a sentence."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.lines = [f"\x1b[31m{message}\x1b[0m"]


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


class HubToken(Authenticator):  # type: ignore[misc]
    """Shows the Jupyter server's own Hub token; it is read when it is used and kept nowhere."""

    def __init__(self, parsed_attributes: Any = None) -> None:
        # The base class would draw widgets for an address.
        self.url = parsed_attributes.url if parsed_attributes else ""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Sign one request."""
        if token := os.environ.get(TOKEN):
            request.headers["Authorization"] = f"Bearer {token}"
        return request

    def __repr__(self) -> str:
        return f"HubToken(url={self.url!r})"

    __hash__ = Authenticator.__hash__


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
        """POST; tried again only where no server took it."""
        return self._send("POST", path, accepted, data)

    def delete(self, path: str, accepted: list[int], patience: float = 10) -> requests.Response:
        """DELETE; tried again while the server is away."""
        return self._send("DELETE", path, accepted, patience=patience)

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
        while True:
            try:
                response = self._session.request(
                    method, self._url + path, json=data, timeout=TIMEOUT
                )
            except requests.exceptions.RequestException as error:
                never_sent = "NewConnectionError" in repr(error) or isinstance(
                    error, requests.exceptions.ConnectTimeout
                )
                if time.monotonic() > until or (method == "POST" and not never_sent):
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
        self._beat_ended = threading.Event()
        super().__init__(*arguments, **named)

    def start(self) -> None:
        """Make the session, wait until Spark runs, show the table."""
        name = self.properties.get("name") or self.properties["conf"]["spark.app.name"]
        response = self._http_client.post_session(
            {**self.properties, "name": f"{name} ({secrets.token_hex(4)})"}
        )
        self.id, self.status, self._mine = response["id"], response["state"], True
        self.ipython_display.writeln("Starting Spark application")
        self._start_heartbeat_thread()
        if self.status not in WORKING:
            self._load_pandas()
        self.wait_for_idle(configuration.livy_session_startup_timeout_seconds())
        self.ipython_display.html(get_sessions_info_html([self], self.id))
        self.ipython_display.writeln("SparkSession available as 'spark'.")
        self.sql_context_variable_name = "spark"

    @staticmethod
    def _load_pandas() -> None:
        """Spend the wait for Spark on what `%%sql` will need."""
        import pandas

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
                raise LivyError(self.why_over())
            if time.monotonic() > until:
                raise LivyError(
                    f"Spark session {self.id} did not start in {seconds_to_wait:.0f} s; "
                    f"its driver log says why: {self.get_driver_log_url()}"
                )
            if time.monotonic() - asked < QUICK:
                time.sleep(QUICK)

    def why_over(self) -> str:
        """Return why there is no session any more, and what to do."""
        lines = [line for line in self.session_info.splitlines() if line.strip()]
        reason = lines[-1].rstrip(".") if lines else f"it is {self.status}"
        return f"Spark session {self.id} has ended: {reason}. Restart the kernel for a new one."

    def get_user(self) -> str:
        """Return whose session it is."""
        session = self._http_client.get_session(self.id)
        return session.get("proxyUser") or session.get("owner") or ""

    def delete(self) -> None:
        """End the session; one that is gone already is fine."""
        if self.id == -1:
            return
        self._stop_heartbeat_thread()
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

    def end_all(self) -> None:
        """Delete this kernel's session; for the kernel's shutdown, from whatever thread."""
        sessions = {id(known): known for known in self.session_manager.sessions.values()}
        if self.starting is not None:
            sessions[id(self.starting)] = self.starting
        for session in sessions.values():
            if session.id == -1:
                continue
            http = Http(session.endpoint.url, session.endpoint.auth)
            with contextlib.suppress(LivyError):
                http.delete(f"/sessions/{session.id}", [200, 404], patience=2)
            session._stop_heartbeat_thread()


def run(session: Session, code: str) -> dict[str, Any]:
    """Run code in the session and return what it gave, by MIME type.

    Raises:
        StatementError: the code failed.
        Interrupted: the user interrupted it; the statement was cancelled.
        LivyError: the session is over, or the Livy server is not there.
    """
    client = session.http_client
    number: int | None = None
    try:
        try:
            number = client.post_statement(session.id, {"code": code})["id"]
            statement = _wait(session, number)
        except LivyError:
            say_if_over(session)
            raise
    except KeyboardInterrupt:
        if number is None:
            raise Interrupted("Interrupted before the code was sent.") from None
        _cancel(session, number)
        raise Interrupted("Interrupted: the code was stopped, the session goes on.") from None
    output: dict[str, Any] = statement["output"] or {}
    if output.get("status") == "error":
        if statement["state"] == "error" or not output.get("traceback"):
            say_if_over(session)
        raise StatementError.of(output)
    return output.get("data") or {}


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
            raise LivyError(session.why_over()) from None
        return
    if session.status in OVER:
        raise LivyError(session.why_over())


def execute(self: Command, session: Session) -> tuple[bool, Any, str]:
    """Run a command; in the place of `Command.execute`, for what sparkmagic sends itself."""
    return True, run(session, self.code).get("text/plain", ""), "text/plain"


Command.execute = execute
