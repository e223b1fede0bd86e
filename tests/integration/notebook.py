"""`python -m hopyard.notebook` for tests, with a stand-in for the Hub's API, which can forget."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import nbformat
import psutil
from websocket import create_connection

SECONDS = 60.0
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

    def kill(self) -> None:
        """Kill it and its kernels, as the end of its sandbox does."""
        kernels = psutil.Process(self.process.pid).children(recursive=True)
        self.process.kill()
        self.process.wait(20)
        for kernel in kernels:
            kernel.kill()


@contextmanager
def temp_server(folder: Path, **more: str) -> Iterator[Server]:
    """Run a Jupyter server with its files and its home in a folder."""
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
        **more,
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


def until(what: str, ask: Callable[[], Any], seconds: float = SECONDS) -> Any:
    end = time.monotonic() + seconds
    while not (answer := ask()):
        assert time.monotonic() < end, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.1)
    return answer


def lines(count: int) -> str:
    return "".join(f"line {number}\n" for number in range(count))


class Page:
    """A browser tab, as far as the server knows one."""

    def __init__(self, book: Book, name: str) -> None:
        self.book, self.name = book, name
        url = book.server.url.replace("http", "ws") + f"api/kernels/{book.kernel}/channels"
        self.socket = create_connection(
            f"{url}?session_id={name}",
            header=[f"Authorization: token {TOKEN}"],
            timeout=4 * SECONDS,
        )

    def execute(self, cell: int, code: str, *, metadata: dict[str, Any] | None = None) -> str:
        name = uuid.uuid4().hex
        header = {"msg_id": name, "msg_type": "execute_request", "session": self.name}
        content = {"code": code, "silent": False, "store_history": True, "allow_stdin": True}
        self.send(header, content, {"cellId": f"c{cell}"} if metadata is None else metadata)
        return name

    def send(self, header: dict[str, Any], content: Any, metadata: Any, channel="shell") -> None:
        message = {"header": {**header, "version": "5.3"}, "parent_header": {}, "channel": channel}
        self.socket.send(json.dumps({**message, "metadata": metadata, "content": content}))

    def until(self, kind: str, **content: Any) -> dict[str, Any]:
        """Read messages until one of a kind, with this content."""
        while True:
            message = json.loads(self.socket.recv())
            if message["msg_type"] == kind and content.items() <= message["content"].items():
                return message

    def runs(self, since: int = 0) -> dict[str, Any]:
        query = {"path": self.book.path, "kernel": self.book.kernel, "session": self.name}
        answer = self.book.server.http.get("hopyard/runs", params=query | {"since": since})
        return answer.json()

    def close(self) -> None:
        self.socket.close()


class Book:
    """A notebook of three cells, its kernel and its pages."""

    def __init__(self, server: Server, name: str, kernel: str = "python3") -> None:
        self.server, self.path = server, f"{name}.ipynb"
        book = nbformat.v4.new_notebook()
        book.cells = [nbformat.v4.new_code_cell(f"cell {n}", id=f"c{n}") for n in range(3)]
        (server.folder / self.path).write_text(nbformat.writes(book))
        body = {"path": self.path, "name": name, "type": "notebook", "kernel": {"name": kernel}}
        self.session = server.http.post("api/sessions", json=body).json()
        self.kernel = self.session["kernel"]["id"]

    def page(self, name: str) -> Page:
        return Page(self, name)

    @property
    def file(self) -> Path:
        return self.server.folder / self.path

    def get(self, **query: Any) -> dict[str, Any]:
        return self.server.http.get(f"api/contents/{self.path}", params=query).json()

    def texts(self, content: Any = None) -> list[str]:
        cells = (content or self.get()["content"])["cells"]
        return ["".join("".join(one.get("text", "")) for one in c["outputs"]) for c in cells]

    def on_disk(self) -> list[str]:
        text = self.file.read_text()
        # Jupyter empties a file before it writes it.
        return self.texts(json.loads(text)) if text.endswith("}\n") else [""]

    def save(self, *outputs: list[Any]) -> None:
        content = json.loads(self.file.read_text())
        for cell, mine in zip(content["cells"], outputs, strict=False):
            cell["outputs"] = mine
        body = {"type": "notebook", "format": "json", "content": content}
        self.server.http.put(f"api/contents/{self.path}", json=body).raise_for_status()

    def end(self) -> None:
        self.server.http.delete(f"api/sessions/{self.session['id']}")
