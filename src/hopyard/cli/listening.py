"""The platform's listening sockets: held by the supervisor, handed down to its children.

So a port stays the platform's while the process behind it is started again: nobody can take it, and
who connects meanwhile waits.
"""

from __future__ import annotations

import contextlib
import errno
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from hopyard import handed
from hopyard.cli import frame
from hopyard.errors import SetupError
from hopyard.handed import Keeper
from hopyard.settings import Platform, Settings

TRIES = 10


@dataclass(frozen=True)
class Sockets:
    """What each process of the platform listens on."""

    proxy: list[socket.socket]
    hub: list[socket.socket]
    web: list[socket.socket]
    livy: list[socket.socket]
    kept: list[socket.socket]
    """Nobody listens on these, so that nobody else can (see `_beside`)."""
    keeper: Keeper
    """Keeps the sockets of the Jupyter servers for the Hub."""

    def close(self) -> None:
        """Leave the ports to others."""
        for group in (self.proxy, self.hub, self.web, self.livy, self.kept):
            for one in group:
                one.close()
        self.keeper.close()


def open_all(settings: Settings) -> tuple[Platform, Sockets]:
    """Decide where the platform's processes listen, and listen there.

    Raises:
        SetupError: the public port is not free.
    """
    public = _public(settings)
    try:
        beside = _beside(settings)
        for _ in range(TRIES):
            platform = frame.make_platform(settings)
            opened: list[socket.socket] = []
            try:
                for name in frame.PORTS:
                    address = urlsplit(getattr(platform, name))
                    opened.append(handed.make(address.hostname or "", address.port or 0))
            except OSError:  # taken since it was found free
                for one in opened:
                    one.close()
                continue
            api, hub, web, livy = opened
            return platform, Sockets([public, api], [hub], [web], [livy], beside, Keeper())
    except BaseException:
        public.close()
        raise
    raise SetupError("No free ports were found for the platform's processes.")


def _public(settings: Settings) -> socket.socket:
    try:
        return handed.make(settings.host, settings.port)
    except OSError as error:
        raise SetupError(
            f"Cannot listen on {settings.host}:{settings.port}: {error.strerror or error}."
        ) from None


def _beside(settings: Settings) -> list[socket.socket]:
    """Take the public port of the other loopback address, where there is one.

    Browsers try `::1` before `127.0.0.1` for names like `localhost`: whoever listened there would
    be sent what is meant for the platform.

    Raises:
        SetupError: somebody listens there.
    """
    if settings.host not in ("127.0.0.1", "localhost", "::1"):
        return []
    family, address = socket.AF_INET6, "::1"
    if settings.host == "::1":
        family, address = socket.AF_INET, "127.0.0.1"
    with contextlib.ExitStack() as stack:
        try:
            # Bound and without a listener: a connection is refused at once, and 127.0.0.1 is tried.
            one = stack.enter_context(socket.socket(family))
            if family == socket.AF_INET6:
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            one.bind((address, settings.port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise SetupError(
                    f"Port {settings.port} of {address} is taken by another program, which "
                    "browsers would reach at `localhost`: set HOPYARD_PORT to another, or end that "
                    "program."
                ) from None
            return []  # this machine has no IPv6
        stack.pop_all()
        return [one]
