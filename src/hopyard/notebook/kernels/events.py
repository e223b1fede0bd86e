"""What happens in a statement, as it happens: the Livy server's event stream, read to its end.

`GET …/statements/N/events` sends server-sent events with numbers. Where the connection or the
server is gone in between, it is asked again from the last number on: nothing is lost or doubled.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from typing import Any

import requests

from hopyard.notebook.kernels.connection import AWAY_SECONDS, NO_ANSWER, Http, blocks
from hopyard.notebook.kernels.errors import LivyError
from hopyard.notebook.kernels.statements import DONE

Event = tuple[str, dict[str, Any]]
"""Kind and payload."""
_PAUSE = 0.2


class Events:
    """The events of one statement; who stopped in the middle may go on where it was.

    Args:
        http: the connection to the server.
        statement: the statement's path.
        begun: the answer in which they come first, if there is one.
    """

    def __init__(self, http: Http, statement: str, begun: requests.Response | None = None) -> None:
        self._http = http
        self._path = statement
        self._begun = begun
        self._last = "0"

    def __iter__(self) -> Iterator[Event]:
        """Yield what happens until the statement is done; the last event is its result.

        Raises:
            LivyError: the server refuses, or is away for too long.
        """
        until = time.monotonic() + AWAY_SECONDS
        while True:
            before, result, whole = self._last, None, False
            with contextlib.suppress(requests.exceptions.RequestException):
                # Read to its end, so that the connection can be used again.
                for event in self._connected():
                    if event[0] == "result":
                        result = event[1]
                    else:
                        yield event
                whole = True
            if whole and result is None:
                # Over without a result: so it is with the session.
                statement = self._http.get(self._path, [200]).json()
                result = statement["output"] or {} if statement["state"] in DONE else None
            if result is not None:
                yield "result", result
                return
            if self._last != before:
                until = time.monotonic() + AWAY_SECONDS
            if time.monotonic() > until:
                raise LivyError(NO_ANSWER.format("its events break off"))
            time.sleep(_PAUSE)

    def _connected(self) -> Iterator[Event]:
        begun, self._begun = self._begun, None
        if begun is None:
            headers = {"Last-Event-ID": self._last}
            begun = self._http.stream(self._path + "/events", headers)
        with begun as response:
            for fields in blocks(response):
                if "data" in fields:
                    self._last = fields["id"]
                    yield fields["event"], json.loads(fields["data"])
