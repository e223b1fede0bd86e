"""The agent's end of the sockets to a kernel."""

from __future__ import annotations

import asyncio
import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING

from hopyard.driver.interpreters.framing import unpacked
from hopyard.driver.interpreters.kernel_process import (
    IOPUB,
    PUBLISHED,
    REQUESTS,
    SHELL,
    STDIN,
    KernelProcess,
)

if TYPE_CHECKING:
    import zmq

Frames = list[bytes]
AT_ONCE = 100
"""Messages that are taken before anything else has its turn: code may show things without end."""


class Channel(Enum):
    """Where a kernel said something."""

    REPLIED = "shell"
    PUBLISHED = "iopub"
    ASKED = "stdin"


class Line(ABC):
    """Sockets to one kernel; they are read as soon as something arrives.

    Not by `zmq.asyncio`: its futures take longer than the messages of a short cell.

    Args:
        kernel: whose.
        take: takes what arrives.
    """

    def __init__(self, kernel: KernelProcess, take: Callable[[Channel, Frames], None]) -> None:
        import zmq

        self._kernel = kernel
        self._take = take
        self._zmq = zmq.Context()
        self._readers: dict[int, Callable[[], None]] = {}
        self._stdin = self._socket(zmq.DEALER)
        # The kernel asks where the request came from.
        self._name = self._stdin.identity = secrets.token_hex(8).encode()
        self._stdin.connect(kernel.address(STDIN))
        self._open()
        self._read(self._stdin, lambda: self._take(Channel.ASKED, self._stdin.recv_multipart()))

    @abstractmethod
    def _open(self) -> None:
        """Open the other sockets."""

    @abstractmethod
    def ask(self, frames: Frames) -> None:
        """Send a request."""

    def answer(self, frames: Frames) -> None:
        """Send what code asked for."""
        self._send(self._stdin, frames)

    def close(self) -> None:
        """Read no more, and close everything."""
        loop = asyncio.get_running_loop()
        for descriptor in self._readers:
            loop.remove_reader(descriptor)
        self._readers.clear()
        self._zmq.destroy(linger=0)

    def _socket(self, kind: int) -> zmq.Socket[bytes]:
        socket = self._zmq.socket(kind)
        socket.linger = 0
        socket.rcvhwm = socket.sndhwm = 0
        return socket

    def _send(self, socket: zmq.Socket[bytes], frames: Frames) -> None:
        socket.send_multipart(frames)
        # To send takes note of what arrived meanwhile: its descriptor does not tell of that again.
        if reader := self._readers.get(socket.fileno()):
            asyncio.get_running_loop().call_soon(reader)

    def _read(self, socket: zmq.Socket[bytes], take: Callable[[], None]) -> None:
        """Take all that is there whenever something arrives."""
        import zmq

        loop = asyncio.get_running_loop()

        def drain() -> None:
            for _ in range(AT_ONCE):
                if socket.closed or not int(socket.get(zmq.EVENTS)) & zmq.POLLIN:
                    return
                take()
            loop.call_soon(drain)

        self._readers[socket.fileno()] = drain
        loop.add_reader(socket.fileno(), drain)
        loop.call_soon(drain)  # what arrived before


class ThreadedLine(Line):
    """To a kernel as Jupyter has it: replies come by one socket, what is published by another."""

    def _open(self) -> None:
        import zmq

        self._shell, self._iopub = self._socket(zmq.DEALER), self._socket(zmq.SUB)
        self._shell.identity = self._name
        self._iopub.subscribe(b"")
        self._shell.connect(self._kernel.address(SHELL))
        self._iopub.connect(self._kernel.address(IOPUB))
        shell, iopub = self._shell, self._iopub
        self._read(shell, lambda: self._take(Channel.REPLIED, shell.recv_multipart()))
        self._read(iopub, lambda: self._take(Channel.PUBLISHED, iopub.recv_multipart()))

    def ask(self, frames: Frames) -> None:
        """Send a request."""
        self._send(self._shell, frames)


class DirectLine(Line):
    """To a kernel whose main thread sends all that it says by one socket (see `direct`)."""

    def _open(self) -> None:
        import zmq

        self._requests, published = self._socket(zmq.PUSH), self._socket(zmq.PULL)
        self._requests.bind(self._kernel.address(REQUESTS))
        published.bind(self._kernel.address(PUBLISHED))
        self._read(published, lambda: self._take_packed(published.recv()))

    def _take_packed(self, frame: bytes) -> None:
        try:
            messages = [unpacked(message) for message in unpacked(frame)]
        except ValueError:  # user code may have its kernel's sockets send whatever it likes
            return
        for message in messages:
            self._take(Channel.PUBLISHED, message)

    def ask(self, frames: Frames) -> None:
        """Send a request, in the name of where its code is answered."""
        self._requests.send_multipart([self._name, *frames])
