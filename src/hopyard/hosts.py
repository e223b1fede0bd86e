"""Host names: the platform's own, and those of members' Jupyter servers.

What a Jupyter server serves is its member's code. Its pages must not be of one origin with the
platform's, and so each member's servers have a host name of their own.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

LOCAL = "localhost"
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class UserHosts:
    """Where members' Jupyter servers are found.

    Attributes:
        pattern: `*.NAME`: a host for each member; `NAME`: one for all; empty: the platform's own.
    """

    pattern: str

    def __bool__(self) -> bool:
        return bool(self.pattern)

    @property
    def apart(self) -> bool:
        """Whether each member has a host of their own."""
        return self.pattern.startswith("*.")

    @property
    def base(self) -> str:
        """The name that the hosts are below of, or are."""
        return self.pattern.removeprefix("*.")

    def of(self, label: str) -> str:
        """Return the host of one member, by the member's name as one label of a host name."""
        return f"{label}.{self.base}" if self.apart else self.base

    def of_application(self, name: str) -> str:
        """Return the host of one Spark application's UI, by its name in one project.

        No member's label has two hyphens in a row, so none is the same.
        """
        return self.of(f"spark--{name}")


def host_of(url: str) -> str:
    """Return the host name of an address."""
    return urlsplit(url).hostname or ""


def is_local(host: str) -> bool:
    """Say whether browsers know by themselves that a name means their own machine."""
    return host == LOCAL or host.endswith(f".{LOCAL}")


def is_address(host: str) -> bool:
    """Say whether a host is an IP address: nothing can be below of it."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def near(url: str) -> dict[str, Any]:
    """Return where `websockets.connect` finds an address, if not by its name: see LocalNames."""
    parts = urlsplit(url)
    return {"host": LOOPBACK, "port": parts.port} if is_local(parts.hostname or "") else {}


class LocalNames(httpx.AsyncHTTPTransport):
    """Connects to names below `localhost`, which browsers know and most resolvers do not."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; the name stays in its Host header."""
        if is_local(request.url.host):
            request = httpx.Request(
                request.method,
                request.url.copy_with(host=LOOPBACK),
                headers=request.headers,
                stream=request.stream,
                extensions=request.extensions,
            )
        return await super().handle_async_request(request)
