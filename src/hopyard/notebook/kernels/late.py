"""What cells show after their end (a thread prints): it appears at its cell, as in Jupyter."""

from __future__ import annotations

import contextlib
import json
import threading
from collections import OrderedDict
from typing import Any

import requests

from hopyard.notebook.kernels.connection import Http, blocks
from hopyard.notebook.kernels.cut import Cut
from hopyard.notebook.kernels.errors import LivyError

CELLS = 1000
"""Cells whose late output is still shown."""
PAUSE = 2.0
KINDS = {"update_display": "update_display_data"}
"""Livy's names of events that Jupyter names otherwise."""


class Late:
    """Listens to a session, in a thread of its own, as long as both live.

    Args:
        kernel: publishes what comes.
        http: a connection for this thread alone.
        session: the session's number.
    """

    def __init__(self, kernel: Any, http: Http, session: int) -> None:
        self._kernel = kernel
        self._http = http
        self._path = f"/sessions/{session}/late"
        self._last = "0"
        self._cells: OrderedDict[int, tuple[dict[str, Any], Cut]] = OrderedDict()
        self._over = threading.Event()
        threading.Thread(target=self._listen, name="livy-late", daemon=True).start()

    def add(self, statement: int, parent: dict[str, Any], cut: Cut) -> None:
        """A cell ended, which may show something yet.

        Args:
            statement: what it was.
            parent: the request that ran it.
            cut: what may be shown of its text.
        """
        self._cells[statement] = parent, cut
        if len(self._cells) > CELLS:
            self._cells.popitem(last=False)

    def end(self) -> None:
        """Listen no longer."""
        self._over.set()

    def _listen(self) -> None:
        while not self._over.is_set():
            try:
                with self._http.stream(self._path, {"Last-Event-ID": self._last}) as response:
                    for fields in blocks(response):
                        if self._over.is_set():
                            return
                        if "data" in fields:
                            self._last = fields["id"]
                            self._show(fields["event"], json.loads(fields["data"]))
            except LivyError:  # the session is not there any more, or not ours
                return
            except requests.exceptions.RequestException:
                pass
            self._over.wait(PAUSE)

    def _show(self, kind: str, payload: dict[str, Any]) -> None:
        """Publish a message as one of its cell's."""
        statement = payload.pop("statement")
        payload.pop("late", None)
        if statement not in self._cells:
            return
        parent, cut = self._cells[statement]
        messages = cut.stream(payload) if kind == "stream" else [(KINDS.get(kind, kind), payload)]
        for name, content in messages:
            with contextlib.suppress(OSError):  # the kernel ends
                self._kernel.session.send(
                    self._kernel.iopub_socket,
                    name,
                    content,
                    parent=parent,
                    ident=self._kernel._topic(name),
                )
