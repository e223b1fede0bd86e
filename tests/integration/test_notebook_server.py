"""`python -m hopyard.notebook`, with a small stand-in for the Hub's API, which can forget."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import nbformat
import psutil
import pytest
from websocket import create_connection

from tests.integration.notebook import TOKEN, HubThatForgets, Server, temp_server
from tests.unit.test_packages import wheel


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    with temp_server(tmp_path_factory.mktemp("notebook")) as running:
        yield running


def test_pages_of_lab_and_classic_notebook_answer(server):
    page = server.http.get("lab")
    assert "hopyard-lab" in page.text
    for path in ("nbclassic/tree", "api/terminals", "tree"):
        assert server.http.get(path).status_code == 200, path
    entry = server.http.get("lab/extensions/hopyard-lab/static/remoteEntry.js")
    assert "Launch Classic Notebook" in entry.text


def test_kernels_are_python_and_those_of_spark(server):
    specs = server.http.get("api/kernelspecs").json()
    shown = {name: spec["spec"]["display_name"] for name, spec in specs["kernelspecs"].items()}
    sparks = {"pyspark": "PySpark", "spark": "Spark", "sparkr": "SparkR"}
    assert shown == {"python3": "Python", **sparks}
    assert specs["default"] == "pyspark"
    assert server.http.get("kernelspecs/pyspark/logo-svg.svg").status_code == 200


def test_notebooks_of_sparkmagics_kernels_open_in_ours(server):
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1")])
    book.metadata["kernelspec"] = {"name": "sparkkernel", "display_name": "Spark", "language": ""}
    file = server.folder / "from elsewhere.ipynb"
    file.write_text(nbformat.writes(book))
    shown = server.http.get("api/contents/from elsewhere.ipynb").json()["content"]["metadata"]
    assert shown["kernelspec"] == {"name": "spark", "display_name": "Spark", "language": ""}
    assert "sparkkernel" in file.read_text()


def test_strangers_are_sent_away(server):
    with httpx.Client(base_url=server.url, trust_env=False) as stranger:
        assert stranger.get("api/contents").status_code in (401, 403)
        assert stranger.get("lab").status_code == 302


@pytest.mark.parametrize("token", [None, "wrong"])
@pytest.mark.parametrize(
    "size",
    ["Content-Length: 300000000", "Transfer-Encoding: chunked", f"Content-Length: {10**999}"],
)
def test_large_body_of_a_stranger_is_not_read(server, token, size):
    where = urlsplit(server.url)
    head = f"POST {where.path}api/contents HTTP/1.1\r\nHost: x\r\n{size}\r\n"
    head += f"Authorization: token {token}\r\n" if token else ""
    with socket.create_connection((where.hostname, where.port), timeout=20) as connection:
        connection.sendall(head.encode() + b"\r\n")
        sent, piece = 0, b"10000\r\n" + b"[" * 0x10000 + b"\r\n"
        with contextlib.suppress(OSError):  # it hangs up
            while sent < 50_000_000:
                connection.sendall(piece)
                sent += len(piece)
        assert sent < 30_000_000


def test_large_file_of_its_owner_is_taken(server):
    content = {"type": "file", "format": "text", "content": "x" * 3_000_000}
    answer = server.http.put("api/contents/large.txt", json=content)
    assert answer.status_code == 201, answer.text
    assert (server.folder / "large.txt").stat().st_size == 3_000_000


def test_python_kernel_installs_and_runs_a_cell_over_a_private_socket(server, tmp_path):
    kernel = server.http.post("api/kernels", json={"name": "python3"}).json()["id"]
    address = server.url.replace("http", "ws") + f"api/kernels/{kernel}/channels"
    socket_ = create_connection(address, header=[f"Authorization: token {TOKEN}"], timeout=60)
    header = {"msg_id": "1", "msg_type": "execute_request", "session": "s", "version": "5.3"}
    code = f"%pip install --no-index {wheel(tmp_path, 'hopyard_tiny')}\n"
    code += "import hopyard_tiny\nprint(6 * hopyard_tiny.VALUE)"
    content = {"code": code, "silent": False, "store_history": True}
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
    assert (status, printed.split()[-1]) == ("ok", "42")
    assert "it is gone when the server stops" in printed
    (process,) = psutil.Process(server.process.pid).children()
    connection = json.loads(Path(process.cmdline()[-1]).read_text())
    assert connection["transport"] == "ipc"
    assert server.http.delete(f"api/kernels/{kernel}").status_code == 204


def test_server_whose_token_the_hub_forgot_ends(server):
    """The last test of this file: it uses up the server."""
    HubThatForgets.knows = False
    assert server.process.wait(60) == 0
