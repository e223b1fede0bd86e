"""GETs from many clients at once: `python -m benchmarks.livy.load URL[,URL…] CLIENTS SECONDS`.

A process of its own, with hardly any code a request, so that it is never slower than the server.
Loopback only, and it stops by itself. Prints one line of JSON.
"""

from __future__ import annotations

import asyncio
import functools
import ipaddress
import itertools
import json
import os
import re
import sys
import time
from typing import cast
from urllib.parse import urlsplit

TOKEN = "BENCH_TOKEN"
MOST_CLIENTS, MOST_SECONDS = 500, 120.0
_LENGTH = re.compile(rb"(?i)content-length: *(\d+)")
_CHUNKED = re.compile(rb"(?i)transfer-encoding: *chunked")


class Client(asyncio.Protocol):
    """One keep-alive connection that asks again as soon as it is answered."""

    def __init__(self, load: Load, request: bytes) -> None:
        self._load = load
        self._request = request
        self._transport: asyncio.Transport
        self._buffer = b""
        self._begun = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask the first time."""
        self._transport = cast(asyncio.Transport, transport)
        self._ask()

    def _ask(self) -> None:
        self._begun = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Take a piece of an answer; when it is whole, ask again."""
        self._buffer = self._buffer + data if self._buffer else data
        head = self._buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        if length := _LENGTH.search(self._buffer, 0, head):
            whole = len(self._buffer) >= head + 4 + int(length[1])
        else:
            whole = bool(_CHUNKED.search(self._buffer, 0, head))
            whole = whole and self._buffer.endswith(b"0\r\n\r\n")
        if not whole:
            return
        self._load.count(self._buffer[9:12], time.perf_counter() - self._begun)
        self._buffer = b""
        if self._load.over:
            self._transport.close()
        else:
            self._ask()

    def connection_lost(self, error: Exception | None) -> None:
        """The server ended it: fatal while the load runs."""
        self._load.lost(error)


class Load:
    """The clients together.

    Args:
        urls: what they ask for in turns, of one server.
        seconds: how long.
    """

    def __init__(self, urls: list[str], seconds: float) -> None:
        parts = urlsplit(urls[0])
        self.host, self.port = parts.hostname or "", parts.port or 80
        if not ipaddress.ip_address(self.host).is_loopback:
            raise SystemExit("The load is for this machine only (127.0.0.1).")
        token = os.environ.get(TOKEN)
        lines = [f"Host: {parts.netloc}", "Accept: application/json"]
        lines += [f"Authorization: Bearer {token}"] if token else []
        rest = "\r\n".join(lines) + "\r\n\r\n"
        self._requests = [f"GET {_path(url)} HTTP/1.1\r\n{rest}".encode() for url in urls]
        self.over = False
        self.statuses: dict[str, int] = {}
        self.times: list[float] = []
        self._seconds = seconds
        self._ended = asyncio.Event()
        self._open = 0

    def count(self, status: bytes, seconds: float) -> None:
        """Take note of an answer."""
        name = status.decode()
        self.statuses[name] = self.statuses.get(name, 0) + 1
        self.times.append(seconds)

    def lost(self, error: Exception | None) -> None:
        """Take note of a connection's end."""
        if not self.over:
            self.statuses["lost"] = self.statuses.get("lost", 0) + 1
        self._open -= 1
        if not self._open:
            self._ended.set()

    async def run(self, clients: int) -> dict[str, object]:
        """Run; return what was seen."""
        loop = asyncio.get_running_loop()
        self._open = clients
        begin = time.perf_counter()
        for _, request in zip(range(clients), itertools.cycle(self._requests), strict=False):
            make = functools.partial(Client, self, request)
            await loop.create_connection(make, self.host, self.port)
        loop.call_later(self._seconds, setattr, self, "over", True)
        await asyncio.wait_for(self._ended.wait(), self._seconds + 70)
        taken = time.perf_counter() - begin
        ordered = sorted(self.times) or [0.0]
        return {
            "rate": len(self.times) / taken,
            "statuses": self.statuses,
            "p50": ordered[len(ordered) // 2],
            "p95": ordered[int(len(ordered) * 0.95)],
        }


def _path(url: str) -> str:
    parts = urlsplit(url)
    return parts.path + (f"?{parts.query}" if parts.query else "")


def main() -> None:
    """Read the arguments, run, print."""
    urls, clients, seconds = sys.argv[1].split(","), int(sys.argv[2]), float(sys.argv[3])
    if clients > MOST_CLIENTS or seconds > MOST_SECONDS:
        raise SystemExit(f"At most {MOST_CLIENTS} clients for {MOST_SECONDS:.0f} s.")
    try:
        import uvloop
    except ImportError:
        runner = asyncio.Runner()
    else:
        runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)

    async def run() -> dict[str, object]:
        return await Load(urls, seconds).run(clients)

    with runner:
        print(json.dumps(runner.run(run())))


if __name__ == "__main__":
    main()
