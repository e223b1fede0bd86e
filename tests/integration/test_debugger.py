"""The debugger of a Python notebook works for its own kernel, and hangs up on strangers."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import psutil

from hopyard.launchers.sandbox import Sandbox
from hopyard.notebook.debugger.peers import is_near
from hopyard.notebook.server import SHARE

HERE = Path(__file__).parent
ASK = """
import json, socket, sys
request = {"type": "request", "seq": 1, "command": "initialize", "arguments": {"adapterID": ""}}
body = json.dumps(request).encode()
with socket.create_connection(("127.0.0.1", int(sys.argv[1])), 10) as link:
    link.settimeout(5)
    try:
        link.sendall(b"Content-Length: %d\\r\\n\\r\\n%s" % (len(body), body))
        print(json.dumps(link.recv(1000).decode()))
    except OSError:
        print(json.dumps(""))
"""


def sandboxed(folder: Path, *words: str) -> list[str]:
    folder.mkdir(exist_ok=True)
    command = [sys.executable, "-P", *words]
    return Sandbox(writable={folder: "/project"}).wrap(command)


def adapter_ports(outer: int) -> list[int]:
    return [
        found.laddr.port
        for process in psutil.Process(outer).children(recursive=True)
        if any("notebook/debugger/adapter" in word for word in process.cmdline())
        for found in process.net_connections("tcp")
        if found.status == "LISTEN"
    ]


def test_debugger_works_and_hangs_up_on_a_stranger(tmp_path: Path) -> None:
    own = tmp_path / "own"
    command = sandboxed(own, "/project/debugged.py")
    shutil.copy(HERE / "debugged.py", own)
    environment = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    environment |= {"HOME": "/project", "JUPYTER_PATH": str(SHARE)}
    process = subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout and process.stdin
        assert process.stdout.readline() == "True\n"
        ports = adapter_ports(process.pid)
        assert ports
        for port in ports:
            words = sandboxed(tmp_path / "other", "-c", ASK, str(port))
            said = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)
            assert json.loads(said.stdout) == ""
        assert process.communicate("\n", timeout=60)[0] == "True\n"
    finally:
        process.kill()
        process.wait(timeout=10)


def test_connection_of_an_own_process_is_near() -> None:
    for host, family in (("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)):
        if family == socket.AF_INET6 and not socket.has_dualstack_ipv6():
            continue
        with socket.create_server((host, 0), family=family) as server:
            with socket.create_connection(server.getsockname()[:2], 5):
                link, _ = server.accept()
                assert is_near(link)
            link.close()
