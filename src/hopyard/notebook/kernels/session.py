"""The session of a notebook: started or joined, waited for, ended; and who keeps it.

Sparkmagic's client, session and command, made sound:

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
from typing import Any

from sparkmagic.livyclientlib.livyreliablehttpclient import LivyReliableHttpClient
from sparkmagic.livyclientlib.livysession import LivySession
from sparkmagic.livyclientlib.sparkcontroller import SparkController
from sparkmagic.utils import configuration
from sparkmagic.utils.utils import get_sessions_info_html

from hopyard.notebook.kernels import naming
from hopyard.notebook.kernels.connection import Http
from hopyard.notebook.kernels.errors import LivyError, SessionOver
from hopyard.notebook.kernels.late import Late
from hopyard.notebook.kernels.steps import Steps

LOGS_LINES = 1000
"""What `%%logs` shows."""
LOG_LINES = 20
"""Of the driver's log, shown where a session did not start."""
QUICK = 0.05
"""An answer without news that came sooner was not held: then wait this long before the next."""
WORKING = ("idle", "busy", "running")
OVER = ("shutting_down", "error", "dead", "killed", "success")


class Session(LivySession):  # type: ignore[misc]
    """One Livy session."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self._mine = False
        self.lost = False
        """Whether it is over, and the user was told so."""
        self.borrowed = False
        """Whether another notebook made it: this one does not end it."""
        self._steps = Steps()
        self._late: Late | None = None
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

    def late(self, kernel: Any) -> Late:
        """Return what shows a kernel's cells' late output."""
        if self._late is None:
            http = Http(self.endpoint.url, self.endpoint.auth)
            self._late = Late(kernel, http, self.id)
        return self._late

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
        if self._late is not None:
            self._late.end()
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
