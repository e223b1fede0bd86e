"""Sockets that are handed down: to Python, to Node, to the Hub and back to the supervisor."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from hopyard import handed
from hopyard.cli import machine

ANSWER_IN_PYTHON = """
import sys
from hopyard import handed
link, _ = handed.take(int(sys.argv[1])).accept()
link.sendall(b"python")
"""
ANSWER_IN_NODE = """
require("node:net").createServer((link) => { link.end("node"); process.exitCode = 0; })
  .listen(Number(process.argv[1]), "127.0.0.1", () => console.log("up"));
"""


def said(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), 20) as link:
        return link.recv(100)


def test_process_takes_the_socket_that_was_handed_down() -> None:
    with handed.make("127.0.0.1", 0) as listening:
        port = listening.getsockname()[1]
        process = subprocess.Popen(
            [sys.executable, "-c", ANSWER_IN_PYTHON, str(port)],
            env=os.environ | handed.variables([listening]),
            pass_fds=[listening.fileno()],
        )
        assert said(port) == b"python"  # asked before the process was there
        assert process.wait(20) == 0


def test_node_takes_the_socket_that_was_handed_down() -> None:
    node, *loaded, _ = machine.proxy_command()
    with handed.make("127.0.0.1", 0) as listening:
        port = listening.getsockname()[1]
        process = subprocess.Popen(
            [node, *loaded, "-e", ANSWER_IN_NODE, str(port)],
            env=os.environ | handed.variables([listening]),
            pass_fds=[listening.fileno()],
            stdout=subprocess.PIPE,
        )
        try:
            assert said(port) == b"node"
        finally:
            process.kill()
            process.communicate(timeout=10)


def test_socket_is_taken_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with handed.make("127.0.0.1", 0) as listening:
        monkeypatch.setenv(handed.VARIABLE, handed.variables([listening])[handed.VARIABLE])
        taken = handed.take(listening.getsockname()[1])
        assert taken
        assert handed.take(listening.getsockname()[1]) is None
        taken.detach()
    assert handed.take(1) is None


def test_supervisor_keeps_the_port_of_a_server_when_the_hub_is_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keeper = handed.Keeper()
    monkeypatch.setenv(handed.KEEPER, keeper.variables[handed.KEEPER])
    of_hub = handed.make("127.0.0.1", 0)
    port = of_hub.getsockname()[1]
    try:
        handed.keep(of_hub)
        assert select.select([keeper], [], [], 5)[0]
        keeper.read()
        of_hub.close()  # the Hub was killed
        for host in ("127.0.0.1", "0.0.0.0"):
            with pytest.raises(OSError, match="in use"):
                handed.make(host, port)
        assert [one.getsockname()[1] for one in keeper.sockets] == [port]
        handed.give_back(port)
        keeper.read()
        handed.make("127.0.0.1", port).close()
    finally:
        keeper.close()


def test_everywhere_is_both_kinds_of_address() -> None:
    with handed.make("", 0) as listening:
        port = listening.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port), 5):
            pass
        if socket.has_dualstack_ipv6():
            with socket.create_connection(("::1", port), 5):
                pass


def test_proxy_finds_what_it_loads() -> None:
    command = machine.proxy_command()
    assert all(Path(word).exists() for word in command if not word.startswith("--"))
