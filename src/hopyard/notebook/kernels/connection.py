"""Requests to the Livy server; none waits for ever, what is sent again is taken once."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import Any

import requests

from hopyard.notebook.kernels.errors import LivyError

TIMEOUT = (5.0, 70.0)
"""Seconds to connect, and to wait for an answer; the server holds a GET for a second."""
AWAY_SECONDS = 60.0
"""How long a Livy server may be away, for a restart, before a request fails."""
AWAY = (502, 503, 504)
"""A proxy's words for a server that is away."""
NO_ANSWER = "The {} does not answer ({}): try again in a moment."


class Http:
    """Requests to the Livy server, in the form that sparkmagic's client expects.

    Args:
        url: its address.
        auth: adds the token to each request.
        name: what it is called where it does not answer.
    """

    def __init__(self, url: str, auth: Any, name: str = "Livy server") -> None:
        self._url = url.rstrip("/")
        self._name = name
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

    def open(self, path: str, accepted: list[int], data: Any) -> requests.Response:
        """POST whose answer is read while it comes; tried again as other POSTs until it begins."""
        return self._send("POST", path, accepted, data, events=True)

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
            raise LivyError(NO_ANSWER.format(self._name, type(error).__name__)) from None
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
        *,
        events: bool = False,
    ) -> requests.Response:
        until = time.monotonic() + patience
        pause = 0.05
        headers = {"Idempotency-Key": uuid.uuid4().hex} if method == "POST" else {}
        if events:
            headers["Accept"] = "text/event-stream"
        while True:
            try:
                response = self._session.request(
                    method,
                    self._url + path,
                    json=data,
                    headers=headers,
                    timeout=TIMEOUT,
                    stream=events,
                )
            except requests.exceptions.RequestException as error:
                if time.monotonic() > until:
                    raise LivyError(NO_ANSWER.format(self._name, type(error).__name__)) from None
            else:
                if response.status_code in accepted:
                    return response
                if response.status_code not in AWAY or time.monotonic() > until:
                    raise LivyError(reason_of(response))
            time.sleep(pause)
            pause = min(pause * 2, 1.0)


def reason_of(response: requests.Response) -> str:
    """Return why a server refused, as a sentence: Livy's word for it is `msg`, web's `error`."""
    try:
        message = response.json()
        if isinstance(message, dict):
            words = ("msg", "detail", "error")
            message = next((message[word] for word in words if message.get(word)), "")
        text = message
    except ValueError:
        text = response.text[:500]
    return str(text or f"The Livy server answered {response.status_code}.")


def blocks(response: requests.Response) -> Iterator[dict[str, str]]:
    """Yield the fields of each of a stream's events."""
    waiting = b""
    for piece in response.iter_content(None):
        *blocks, waiting = (waiting + piece).split(b"\n\n")
        for block in blocks:
            lines = (line.partition(": ") for line in block.decode().split("\n"))
            yield {name: value for name, _, value in lines}
