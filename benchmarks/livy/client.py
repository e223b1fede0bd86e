"""A Livy client with hardly any code of its own, so that the server is what is measured."""

from __future__ import annotations

import base64
import http.client
import json
import time
from typing import Any
from urllib.parse import urlsplit

Json = dict[str, Any]
DONE = ("available", "error", "cancelled")
STARTING = ("not_started", "starting", "recovering")
PAUSE = 0.001
"""Seconds between two looks; a server that holds GETs makes them longer."""


class Livy:
    """Talks to any Livy server over one connection.

    Args:
        url: its base address.
        token: for servers that want one.
    """

    def __init__(self, url: str, token: str | None = None) -> None:
        parts = urlsplit(url.rstrip("/"))
        self.url = url.rstrip("/")
        kind = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        self._connection = kind(parts.hostname or "", parts.port, timeout=300)
        self._base = parts.path
        self._headers = {"Content-Type": "application/json", "X-Requested-By": "benchmark"}
        if token:
            basic = base64.b64encode(f"bench:{token}".encode()).decode()
            self._headers["Authorization"] = f"Basic {basic}"

    def raw(self, method: str, path: str, body: Json | None = None) -> tuple[int, bytes]:
        """Ask; return the status and the body."""
        content = None if body is None else json.dumps(body)
        try:
            self._connection.request(method, self._base + path, content, self._headers)
        except ConnectionError:  # the server closed it while nobody asked
            self._connection.close()
            self._connection.request(method, self._base + path, content, self._headers)
        answer = self._connection.getresponse()
        return answer.status, answer.read()

    def ask(self, method: str, path: str, body: Json | None = None) -> Json:
        """Ask for JSON.

        Raises:
            RuntimeError: the server refuses.
        """
        status, content = self.raw(method, path, body)
        if status >= 400:
            raise RuntimeError(f"{method} {path}: {status} {content[:300]!r}")
        found: Json = json.loads(content)
        return found

    def ready(self, **body: Any) -> tuple[int, float]:
        """Make a session; return its id, and the seconds until it was idle."""
        begin = time.perf_counter()
        session = self.ask("POST", "/sessions", {"kind": "pyspark", **body})["id"]
        while (state := self.ask("GET", f"/sessions/{session}")["state"]) in STARTING:
            time.sleep(PAUSE)
        seconds = time.perf_counter() - begin
        if state != "idle":
            raise RuntimeError(f"The session is {state}.")
        return session, seconds

    def run(self, session: int, code: str, kind: str | None = None) -> tuple[Json, float]:
        """Run a statement; return it, and the seconds from submit to result."""
        body = {"code": code, **({"kind": kind} if kind else {})}
        begin = time.perf_counter()
        path = f"/sessions/{session}/statements"
        number = self.ask("POST", path, body)["id"]
        while (found := self.ask("GET", f"{path}/{number}"))["state"] not in DONE:
            time.sleep(PAUSE)
        return found, time.perf_counter() - begin
