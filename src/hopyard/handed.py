"""Listening sockets that whoever starts a process makes for it and hands down.

A port that is only taken while a process runs is anybody's while that process is started again:
a notebook that waits for the moment would be sent other people's tokens. So the one that starts
processes holds their sockets, and meanwhile connections wait instead of being refused.

A process learns of its sockets from its environment: `HOPYARD_SOCKETS=PORT:DESCRIPTOR,…`.

The Hub makes sockets itself, for Jupyter servers. It gives the supervisor a second handle of each
to keep, over `HOPYARD_KEEPER=DESCRIPTOR`, and gets them back when it is started again.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterable

VARIABLE = "HOPYARD_SOCKETS"
KEEPER = "HOPYARD_KEEPER"
BACKLOG = 2048


def make(host: str, port: int) -> socket.socket:
    """Listen; port 0 is a free one.

    Raises:
        OSError: somebody listens there, or it is no address of this machine.
    """
    everywhere = host in ("", "::")
    family = socket.AF_INET6 if ":" in host or everywhere else socket.AF_INET
    if everywhere and not socket.has_dualstack_ipv6():
        host, family, everywhere = "", socket.AF_INET, False
    return socket.create_server(
        (host, port), family=family, backlog=BACKLOG, dualstack_ipv6=everywhere
    )


def variables(sockets: Iterable[socket.socket]) -> dict[str, str]:
    """Return what the environment of the process says; its descriptors have the same numbers."""
    said = ",".join(f"{one.getsockname()[1]}:{one.fileno()}" for one in sockets)
    return {VARIABLE: said} if said else {}


def take(port: int) -> socket.socket | None:
    """Return the socket that was handed down for a port, once; no child of ours inherits it."""
    words = os.environ.get(VARIABLE, "").split(",")
    for word in words:
        known, _, descriptor = word.partition(":")
        if known == str(port):
            os.environ[VARIABLE] = ",".join(one for one in words if one != word)
            os.set_inheritable(int(descriptor), False)
            return socket.socket(fileno=int(descriptor))
    return None


def keep(listening: socket.socket) -> None:
    """Have the supervisor keep a socket open too, until `give_back`."""
    _tell(listening.getsockname()[1], [listening.fileno()])


def give_back(port: int) -> None:
    """Let the supervisor close what it keeps for a port."""
    _tell(port, [])


def _tell(port: int, descriptors: list[int]) -> None:
    number = os.environ.get(KEEPER)
    if number is None:
        return
    with socket.socket(fileno=os.dup(int(number))) as keeper, contextlib.suppress(OSError):
        # A supervisor that is gone, or busy for so long, keeps nothing: the Hub's own handle holds.
        socket.send_fds(keeper, [str(port).encode()], descriptors, socket.MSG_DONTWAIT)


class Keeper:
    """The supervisor's part: keeps what the Hub gives it."""

    def __init__(self) -> None:
        self._mine, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._mine.setblocking(False)
        self._kept: dict[int, socket.socket] = {}

    def fileno(self) -> int:
        """Return the descriptor that has news for `read`."""
        return self._mine.fileno()

    def read(self) -> None:
        """Take one message of the Hub's."""
        said, descriptors, _, _ = socket.recv_fds(self._mine, 16, 1)
        port = int(said)
        if old := self._kept.pop(port, None):
            old.close()
        for descriptor in descriptors:
            self._kept[port] = socket.socket(fileno=descriptor)

    @property
    def sockets(self) -> list[socket.socket]:
        """What is kept now."""
        return list(self._kept.values())

    @property
    def variables(self) -> dict[str, str]:
        """What the Hub's environment says of this."""
        return {KEEPER: str(self.theirs.fileno())}

    def close(self) -> None:
        """Keep nothing any more."""
        for one in (self._mine, self.theirs, *self._kept.values()):
            one.close()
