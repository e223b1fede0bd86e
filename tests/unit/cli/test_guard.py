"""The proxy reads nothing of a stranger's, and calls no wrong address its own fault."""

from __future__ import annotations

import os
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import psutil
import pytest

from hopyard import handed
from hopyard.cli import machine
from hopyard.hub.attempts import PROOF, proof_of
from tests.disk import fill, small_disk

TOKEN = "the-token-of-a-test"
ROUTE = b'{"target": "http://127.0.0.1:9"}'


class Proxy:
    def __init__(self, port: int, api: int, pid: int) -> None:
        self.port, self.api, self.pid = port, api, pid

    def said(self, port: int, head: str, body: bytes = b"") -> bytes:
        """Send a request; return the first line of the answer, as early as it comes."""
        with socket.create_connection(("127.0.0.1", port), 20) as link:
            link.sendall(head.encode("latin-1") + b"\r\nHost: localhost\r\n\r\n" + body)
            with link.makefile("rb") as answer:
                return answer.readline().strip()


@contextmanager
def running(log: IO[bytes] | None = None, target: socket.socket | None = None) -> Iterator[Proxy]:
    """A proxy that leads to what listens at a socket, or nowhere."""
    behind = f"http://127.0.0.1:{target.getsockname()[1] if target else 9}"
    with handed.make("127.0.0.1", 0) as front, handed.make("127.0.0.1", 0) as api:
        ports = [one.getsockname()[1] for one in (front, api)]
        command = [*machine.proxy_command(), "--ip", "127.0.0.1", "--port", str(ports[0])]
        command += ["--api-ip", "127.0.0.1", "--api-port", str(ports[1]), "--log-level", "warn"]
        command += [
            "--default-target",
            behind,
            "--error-target",
            "http://127.0.0.1:9",
        ]
        process = subprocess.Popen(
            command,
            env=os.environ | handed.variables([front, api]) | {"CONFIGPROXY_AUTH_TOKEN": TOKEN},
            pass_fds=[front.fileno(), api.fileno()],
            stdout=log,
            stderr=log,
        )
        try:
            yield Proxy(ports[0], ports[1], process.pid)
        finally:
            process.kill()
            process.wait(10)


@pytest.fixture(scope="module")
def proxy() -> Iterator[Proxy]:
    with running() as made:
        yield made


@pytest.mark.parametrize("token", ["", "Authorization: token wrong", "Authorization: token "])
def test_api_of_the_proxy_answers_a_stranger_before_the_body(proxy: Proxy, token: str) -> None:
    for length in ("Content-Length: 300000000", "Transfer-Encoding: chunked"):
        head = "\r\n".join(filter(None, ["POST /api/routes/x HTTP/1.1", length, token]))
        assert proxy.said(proxy.api, head) == b"HTTP/1.1 403 Forbidden"
    assert proxy.said(proxy.api, "GET /api/routes HTTP/1.1").startswith(b"HTTP/1.1 403")


def test_api_of_the_proxy_reads_no_body_of_a_stranger(proxy: Proxy) -> None:
    before = psutil.Process(proxy.pid).memory_info().rss
    with socket.create_connection(("127.0.0.1", proxy.api), 20) as link:
        link.sendall(b"POST /api/routes/x HTTP/1.1\r\nHost: x\r\nContent-Length: 300000000\r\n\r\n")
        with pytest.raises(OSError):  # reset, or a broken pipe
            for _ in range(300):
                link.sendall(bytes(2**20))
    assert psutil.Process(proxy.pid).memory_info().rss - before < 50_000_000


def test_api_of_the_proxy_takes_its_token(proxy: Proxy) -> None:
    head = f"POST /api/routes/x HTTP/1.1\r\nAuthorization: token {TOKEN}"
    head += f"\r\nContent-Length: {len(ROUTE)}"
    assert proxy.said(proxy.api, head, ROUTE) == b"HTTP/1.1 201 Created"


@pytest.mark.parametrize("path", ["/%ff", "/%ed%b3%bf/x", "/%", "//", "/a/%c0%ae%c0%ae/"])
@pytest.mark.parametrize("more", ["", "\r\nConnection: Upgrade\r\nUpgrade: websocket"])
def test_address_that_is_none_is_no_fault_of_the_proxy(proxy: Proxy, path: str, more: str) -> None:
    said = proxy.said(proxy.port, f"GET {path} HTTP/1.1{more}")
    assert said == b"HTTP/1.1 400 Bad Request"
    assert psutil.pid_exists(proxy.pid)


def test_other_addresses_are_the_proxys(proxy: Proxy) -> None:
    assert b"503" in proxy.said(proxy.port, "GET /%C3%A9?a=%ff HTTP/1.1")
    assert b"200" in proxy.said(proxy.port, "GET /_chp_healthz HTTP/1.1")


@pytest.mark.parametrize(
    ("path", "proven"),
    [
        ("/hub/login", True),
        ("/projects/", False),
        ("/user/ada/demo/", False),
        ("/hub/../user/ada/demo/", False),
        ("/hub/%2e%2e/user/ada/", False),
    ],
)
def test_hub_alone_is_told_by_the_proxy_who_asks(path: str, proven: bool) -> None:
    head = f"GET {path} HTTP/1.1\r\nHost: x\r\n{PROOF}: made up\r\n\r\n"
    with (
        handed.make("127.0.0.1", 0) as behind,
        running(target=behind) as proxy,
        socket.create_connection(("127.0.0.1", proxy.port), 20) as link,
    ):
        link.sendall(head.encode())
        behind.settimeout(20)
        with behind.accept()[0] as came:
            asked = came.recv(65536).decode().lower()
    shown = re.findall(rf"{PROOF}: (.*)\r\n".lower(), asked)
    assert shown == ([proof_of(TOKEN)] if proven else [])


def test_proxy_works_while_its_log_cannot_be_written(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 2_000_000) as disk:
        log = (disk / "proxy.log").open("ab")
        with running(log) as proxy:
            proxy.said(proxy.port, "GET /a HTTP/1.1")
            fill(disk / "ballast")
            for _ in range(300):  # Node keeps some of what it could not write
                assert proxy.said(proxy.port, "GET /a HTTP/1.1").startswith(b"HTTP/1.1 503")
            assert b"200" in proxy.said(proxy.port, "GET /_chp_healthz HTTP/1.1")
        log.close()
