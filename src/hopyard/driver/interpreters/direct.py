"""An ipykernel whose main thread itself takes requests, replies and publishes.

In ipykernel a thread receives requests and sends replies, and another one publishes. Each hand-over
wakes a thread that takes Python's lock from the code that runs; for a cell `1+1` that was a third
of its time. The agent is the kernel's only client and listens before the kernel is there: two
sockets, one for each direction, are enough, and all that a cell says arrives in its order.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import partial
from typing import Any

import zmq
from ipykernel.iostream import IOPubThread
from ipykernel.kernelapp import IPKernelApp
from ipykernel.utils import _async_in_context
from tornado.ioloop import IOLoop
from zmq.eventloop.zmqstream import ZMQStream

from hopyard.driver.interpreters.framing import packed
from hopyard.driver.interpreters.kernel_process import PUBLISHED, REQUESTS

_MAIN = threading.main_thread()
REDIAL = 10
"""Milliseconds until a socket that found nobody tries again: the agent may be the later one."""


class Publisher(IOPubThread):  # type: ignore[misc]
    """Sends from whatever thread has something to say.

    What is sent is one frame: an interrupt between two would leave half a message on the way.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self._sending = threading.RLock()
        self._kept: list[bytes] = []
        super().__init__(*arguments, **named)

    def send_multipart(self, msg: Sequence[bytes], *arguments: Any, **named: Any) -> None:
        """Send a message; a fork has the socket of its parent do it."""
        self._really_send(msg)

    def _really_send(self, msg: Sequence[bytes], *arguments: Any, **named: Any) -> None:
        if self._is_master_process():
            self._send([packed(msg)])
        else:
            super()._really_send(msg)

    def keep(self, msg: Sequence[bytes]) -> None:
        """Send a message with the next, or when the thread that runs code has nothing else to do.

        A result is followed by its reply and by *idle* at once: the agent is woken once for all.
        """
        if not self._is_master_process() or threading.current_thread() is not _MAIN:
            self._really_send(msg)
            return
        with self._sending:
            self._kept.append(packed(msg))
        if len(self._kept) == 1:
            IOLoop.current().asyncio_loop.call_soon(self._send, [])

    def _send(self, messages: list[bytes]) -> None:
        with self._sending:
            messages = self._kept + messages
            if messages and not self.closed:
                self.socket.send(packed(messages))
            # After it: what is interrupted here is sent twice, which changes nothing.
            self._kept.clear()


class Keeper:
    """Stands for a socket where something always comes next (see `Publisher.keep`)."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    def send_multipart(self, msg: Sequence[bytes], *arguments: Any, **named: Any) -> None:
        """Send a message a little later."""
        self._publisher.keep(msg)


class DirectKernelApp(IPKernelApp):  # type: ignore[misc]
    """Speaks with the agent over two sockets that the agent has bound."""

    def init_iopub(self, context: zmq.Context[Any]) -> None:
        """Connect to where the agent takes what the kernel says."""
        socket = self._connected(context, zmq.PUSH, PUBLISHED)
        self.configure_tornado_logger()
        self.iopub_thread = Publisher(socket, pipe=True, session=self.session)
        self.iopub_thread.start()
        self.iopub_socket = self.iopub_thread.background_socket

    def init_kernel(self) -> None:
        """Make the kernel; what it replies goes where it publishes."""
        super().init_kernel()
        keeper = Keeper(self.iopub_thread)
        self.kernel.shell.displayhook.pub_socket = keeper
        manager = self.shell_channel_thread.manager
        through_thread = manager.get_subshell_to_shell_channel_socket
        manager.get_subshell_to_shell_channel_socket = lambda subshell: (
            keeper if subshell is None else through_thread(subshell)
        )

    def take_requests(self) -> None:
        """Begin to take requests."""
        self._requests = ZMQStream(self._connected(self.context, zmq.PULL, REQUESTS))
        take = _async_in_context(partial(self.kernel.shell_main, None))
        self._requests.on_recv(take, copy=False)

    def _connected(self, context: zmq.Context[Any], kind: int, port: int) -> zmq.Socket[Any]:
        socket: zmq.Socket[Any] = context.socket(kind)
        socket.linger = 1000
        socket.reconnect_ivl = REDIAL
        socket.connect(f"ipc://{self.ip}-{port}")
        return socket
