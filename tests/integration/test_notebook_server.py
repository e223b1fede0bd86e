"""`python -m hopyard.notebook`, with a small stand-in for the Hub's API, which can forget."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import psutil
import pytest
from websocket import create_connection

TOKEN = "the-servers-token"
PREFIX = "/user/ann/demo/"


class HubThatForgets(BaseHTTPRequestHandler):
    """Knows one token until it is told to forget it."""

    protocol_version = "HTTP/1.1"
    knows = True

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        user = self.path.rstrip("/").endswith("/user")
        known = type(self).knows and TOKEN in self.headers.get("Authorization", "")
        model = {
            "kind": "user",
            "name": "ann",
            "admin": False,
            "groups": [],
            "scopes": ["access:servers!server=ann/demo"],
        }
        self.answer(200, model if user else {}) if known or not user else self.answer(403, {})

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.answer(200, {})

    def answer(self, status, model):
        body = json.dumps(model).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("X-JupyterHub-Version", "6.1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server:
    def __init__(self, folder, hub, port, seconds, process):
        self.folder, self.hub, self.seconds, self.process = folder, hub, seconds, process
        self.url = f"http://127.0.0.1:{port}{PREFIX}"
        self.http = httpx.Client(
            base_url=self.url,
            headers={"Authorization": f"token {TOKEN}"},
            trust_env=False,
            timeout=30,
        )


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("notebook")
    hub = ThreadingHTTPServer(("127.0.0.1", 0), HubThatForgets)
    threading.Thread(target=hub.serve_forever, daemon=True).start()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    api = f"http://127.0.0.1:{hub.server_port}/hub/api"
    scopes = json.dumps(["access:servers!server=ann/demo"])
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "HOPYARD_ROOT_DIR": str(folder),
        "HOPYARD_MODE": "spark",
        "JUPYTERHUB_API_TOKEN": TOKEN,
        "JUPYTERHUB_API_URL": api,
        "JUPYTERHUB_ACTIVITY_URL": f"{api}/users/ann/activity",
        "JUPYTERHUB_BASE_URL": "/",
        "JUPYTERHUB_CLIENT_ID": "jupyterhub-user-ann-demo",
        "JUPYTERHUB_HOST": "",
        "JUPYTERHUB_OAUTH_CALLBACK_URL": f"{PREFIX}oauth_callback",
        "JUPYTERHUB_OAUTH_ACCESS_SCOPES": scopes,
        "JUPYTERHUB_OAUTH_SCOPES": scopes,
        "JUPYTERHUB_SERVER_NAME": "demo",
        "JUPYTERHUB_SERVICE_PREFIX": PREFIX,
        "JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:{port}{PREFIX}",
        "JUPYTERHUB_USER": "ann",
    }
    started = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "hopyard.notebook"], env=environment, cwd=folder
    )
    made = Server(folder, hub, port, 0.0, process)
    try:
        while True:
            assert process.poll() is None
            assert time.monotonic() - started < 60
            try:
                if made.http.get("lab").status_code == 200:
                    break
            except httpx.TransportError:
                time.sleep(0.01)
        made.seconds = time.monotonic() - started
        print(f"\n/lab answered 200 after {made.seconds:.2f} s")
        yield made
    finally:
        process.terminate()
        process.wait(20)
        hub.shutdown()
        HubThatForgets.knows = True


def test_pages_of_lab_and_classic_notebook_answer(server):
    page = server.http.get("lab")
    assert "hopyard-classic" in page.text
    for path in ("nbclassic/tree", "api/terminals", "tree"):
        assert server.http.get(path).status_code == 200, path
    entry = server.http.get("lab/extensions/hopyard-classic/static/remoteEntry.js")
    assert "Launch Classic Notebook" in entry.text


def test_kernels_are_python_and_pyspark(server):
    specs = server.http.get("api/kernelspecs").json()
    shown = {name: spec["spec"]["display_name"] for name, spec in specs["kernelspecs"].items()}
    assert shown == {"python3": "Python", "pyspark": "PySpark"}
    assert specs["default"] == "pyspark"
    assert server.http.get("kernelspecs/pyspark/logo-svg.svg").status_code == 200


def test_strangers_are_sent_away(server):
    with httpx.Client(base_url=server.url, trust_env=False) as stranger:
        assert stranger.get("api/contents").status_code in (401, 403)
        assert stranger.get("lab").status_code == 302


def test_python_kernel_runs_a_cell_over_a_private_socket(server):
    kernel = server.http.post("api/kernels", json={"name": "python3"}).json()["id"]
    address = server.url.replace("http", "ws") + f"api/kernels/{kernel}/channels"
    socket_ = create_connection(address, header=[f"Authorization: token {TOKEN}"], timeout=60)
    header = {"msg_id": "1", "msg_type": "execute_request", "session": "s", "version": "5.3"}
    content = {"code": "print(6*7)", "silent": False, "store_history": True}
    message = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
    socket_.send(json.dumps({**message, "channel": "shell"}))
    printed, status, idle = "", "", False
    while not (status and idle):
        answer = json.loads(socket_.recv())
        if answer["parent_header"].get("msg_id") != "1":
            continue
        printed += answer["content"].get("text", "")
        if answer["msg_type"] == "execute_reply":
            status = answer["content"]["status"]
        idle = idle or answer["content"].get("execution_state") == "idle"
    socket_.close()
    assert (status, printed.strip()) == ("ok", "42")
    (process,) = psutil.Process(server.process.pid).children()
    connection = json.loads(Path(process.cmdline()[-1]).read_text())
    assert connection["transport"] == "ipc"
    assert server.http.delete(f"api/kernels/{kernel}").status_code == 204


def test_server_whose_token_the_hub_forgot_ends(server):
    """The last test of this file: it uses up the server."""
    HubThatForgets.knows = False
    assert server.process.wait(60) == 0
