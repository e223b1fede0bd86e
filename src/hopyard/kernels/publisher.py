"""An ipykernel for Jupyter's clients whose threads publish by themselves.

In ipykernel one thread sends all that is published. Each message wakes it, and it takes Python's
lock from the code that runs: six times in a short cell.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Sequence
from typing import Any

import zmq
from ipykernel.iostream import IOPubThread
from ipykernel.kernelapp import IPKernelApp


class SharedSocket(zmq.Socket[bytes]):
    """A socket that several threads use, one at a time.

    A message of several frames is sent whole: an interrupt of the code waits for its last frame.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        # Sockets refuse attributes that are no options of theirs.
        self.__dict__["_using"] = threading.RLock()
        super().__init__(*arguments, **named)

    def get(self, *arguments: Any, **named: Any) -> Any:
        """Return an option."""
        with self.__dict__["_using"]:
            return super().get(*arguments, **named)

    def recv(self, *arguments: Any, **named: Any) -> Any:
        """Receive a frame."""
        with self.__dict__["_using"]:
            return super().recv(*arguments, **named)

    def recv_multipart(self, *arguments: Any, **named: Any) -> Any:
        """Receive a message."""
        with self.__dict__["_using"]:
            return super().recv_multipart(*arguments, **named)

    def send_multipart(self, msg_parts: Sequence[Any], *arguments: Any, **named: Any) -> None:
        """Send a message."""
        if threading.current_thread() is not threading.main_thread():
            self._send_all(msg_parts)
            return
        seen: list[tuple[Any, ...]] = []
        before = signal.signal(signal.SIGINT, lambda *which: seen.append(which))
        try:
            self._send_all(msg_parts)
        finally:
            signal.signal(signal.SIGINT, before)
        if seen and callable(before):
            before(*seen[0])

    def _send_all(self, parts: Sequence[Any]) -> None:
        with self.__dict__["_using"]:
            super().send_multipart(parts)


class Publisher(IOPubThread):  # type: ignore[misc]
    """Sends from whatever thread has something to say."""

    def send_multipart(self, msg: Sequence[bytes], *arguments: Any, **named: Any) -> None:
        """Send a message; a fork has its parent send it."""
        self._really_send(msg)
        if self._is_master_process() and self.socket.get(zmq.EVENTS) & zmq.POLLIN:
            # To send takes note of new subscribers: the thread that greets them must be told.
            # (Not by `flush`, which polls the socket past its lock.)
            self.schedule(lambda: self._xpub_stream._handle_events(None, zmq.POLLIN))


class PublishingKernelApp(IPKernelApp):  # type: ignore[misc]
    """Runs a kernel with such a publisher."""

    def init_iopub(self, context: zmq.Context[Any]) -> None:
        """Open the socket that is published on."""
        socket = context.socket(zmq.XPUB, socket_class=SharedSocket)
        socket.linger = 1000
        self._apply_curve_server_options(socket)
        self.iopub_port: int = self._bind_socket(socket, self.iopub_port)
        self.configure_tornado_logger()
        self.iopub_thread = Publisher(socket, pipe=True, session=self.session)
        self.iopub_thread.start()
        self.iopub_socket = self.iopub_thread.background_socket
