"""Requests that are odd and legal are answered as any; those that are not, in a sentence."""

from __future__ import annotations

import contextlib
import json
import random
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.livy import Livy, temp_livy
from tests.soak.test_values import show

HOST = "Host: 127.0.0.1\r\n"
CLOSE = "Connection: close\r\n"
CODE = '{"code":"1"}'
NAME = "Größe 😀 7"


@pytest.fixture(scope="module")
def livy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Livy]:
    with temp_livy(tmp_path_factory.mktemp("livy-odd")) as server:
        yield server


@pytest.fixture(scope="module")
def session(livy: Livy) -> int:
    return livy.ready(name=NAME)


class Raw:
    """An answer, as it came."""

    def __init__(self, livy: Livy, request: str | bytes) -> None:
        with socket.create_connection(("127.0.0.1", livy.port), timeout=20) as wire:
            wire.sendall(request.encode() if isinstance(request, str) else request)
            whole = b""
            with contextlib.suppress(ConnectionResetError):
                while part := wire.recv(65536):
                    whole += part
        head, _, self.body = whole.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split()[1]) if lines[0] else 0
        pairs = [line.partition(": ") for line in lines[1:]]
        self.headers = {name.lower(): value for name, _, value in pairs}


def post(session: int, head: str, body: str, version: str = "1.1") -> str:
    return f"POST /sessions/{session}/statements HTTP/{version}\r\n{HOST}{CLOSE}{head}\r\n{body}"


def test_code_comes_in_pieces_or_after_a_pause(livy: Livy, session: int) -> None:
    chunks = "4;x=y\r\n" + CODE[:4] + "\r\n8\r\n" + CODE[4:] + "\r\n0\r\nTrailer: t\r\n\r\n"
    assert Raw(livy, post(session, "Transfer-Encoding: chunked\r\n", chunks)).status == 201
    length = f"Content-Length: {len(CODE)}\r\n"
    asked = Raw(livy, post(session, f"Expect: 100-continue\r\n{length}", CODE))
    assert asked.status == 100
    assert asked.body.startswith(b"HTTP/1.1 201 ")
    assert Raw(livy, post(session, length, CODE, version="1.0")).status == 201


@pytest.mark.parametrize("path", ["", "/state", "/statements", "/statements/0", "/log"])
def test_http_1_0_is_answered_whole(livy: Livy, session: int, path: str) -> None:
    livy.run(session, "1")
    expected = livy.http.get(f"/sessions/{session}{path}").json()
    for host in (HOST, ""):
        answer = Raw(livy, f"GET /sessions/{session}{path} HTTP/1.0\r\n{host}\r\n")
        assert answer.status == 200
        assert "transfer-encoding" not in answer.headers
        assert int(answer.headers["content-length"]) == len(answer.body)
        assert json.loads(answer.body) == expected


def test_head_is_get_without_a_body(livy: Livy, session: int) -> None:
    livy.run(session, "1")
    one = f"/sessions/{session}"
    paths = ["/sessions", one, f"{one}/state", f"{one}/statements", f"{one}/statements/0"]
    paths += [f"{one}/statements/0/events", f"{one}/statements/0/text", f"{one}/log"]
    paths += ["/batches", "/version", "/ping", "/metrics", "/ui", f"/ui{one}", "/openapi.json"]
    for path in [*paths, "/sessions/99999", f"{one}/ui/jobs/"]:
        head, got = livy.http.head(path), livy.http.get(path)
        assert head.status_code == got.status_code, path
        assert head.headers["content-type"] == got.headers["content-type"], path
        assert head.content == b""
    # A stream without end has one too.
    runs = livy.submit(session, "import time; time.sleep(60)")
    assert livy.http.head(f"{one}/statements/{runs}/events", timeout=10).status_code == 200
    livy.http.post(f"{one}/statements/{runs}/cancel")
    assert livy.done(session, runs)["state"] == "cancelled"


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ("GET /sessions/{id}/ HTTP/1.1", 307),
        ("GET /sessions/0{id} HTTP/1.1", 200),
        ("GET /sessions/{id}/statements/000 HTTP/1.1", 200),
        ("GET http://127.0.0.1/sessions/{id} HTTP/1.1", 200),
        ("GET /sessions/{id}?unknown=1 HTTP/1.1", 200),
        ("GET /sessions?from=-1 HTTP/1.1", 400),
        ("GET /sessions?size=0 HTTP/1.1", 200),
        ("GET /sessions/{id}/statements?size=0&from=99 HTTP/1.1", 200),
        ("GET /sessions/{id}/log?from=99999&size=0 HTTP/1.1", 200),
        ("GET /sessions/%00 HTTP/1.1", 404),
        ("GET /sessions/99999999999999999999999 HTTP/1.1", 404),
        ("GET /sessions/-1 HTTP/1.1", 404),
        ("GET /sessions/{id}/statements/-1 HTTP/1.1", 400),
        ("GET //sessions HTTP/1.1", 404),
        ("BREW /sessions HTTP/1.1", 400),
        ("PATCH /sessions HTTP/1.1", 405),
        ("GET /sessions HTTP/1.1\r\nX-Long: " + "x" * 60_000, 200),
        ("GET /sessions HTTP/1.1\r\nX-Long: " + "x" * 200_000, 400),
    ],
    ids=lambda value: str(value)[:60],
)
def test_line_and_head(livy: Livy, session: int, request_: str, status: int) -> None:
    answer = Raw(livy, f"{request_.format(id=session)}\r\n{HOST}{CLOSE}\r\n")
    assert answer.status == status, answer.body[:500]


@pytest.mark.parametrize(
    ("body", "result"),
    [
        (CODE.encode("utf-8-sig"), "1"),
        (CODE.encode("utf-16"), "1"),
        (CODE.encode("utf-32-le"), "1"),
        ('{"code": "\'ä😀\'"}'.encode("utf-16-be"), "'ä😀'"),
        (b'{"code":"1", "kind":null}', "1"),
        (b'{"code":""}', ""),
        (b'{"code":"0","code":"1"}', "1"),
        (b' \n{"code":"1"}\n ', "1"),
        (b'{"code":"\\u0031"}', "1"),
        (b'{"code":"1\\r\\n"}', "1"),
        (CODE[:-1].encode("utf-16"), 400),
        (b"\xff\xfe{", 400),
        (b'{"code":"a\\u0000b"}', 400),
        (b'{"code":"a\x00b"}', 400),
        (b'{"code":"\\ud800"}', 400),
        ('{"code":"ä"}'.encode("latin-1"), 400),
        (b'{"code":' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400),
        (b'{"code":1}', 400),
        (b'{"code":NaN}', 400),
        (b'{"code":"1"} x', 400),
        (b'["code"]', 400),
        (b"code=1", 400),
        (b"", 400),
    ],
    ids=lambda value: str(value)[:40],
)
def test_body(livy: Livy, session: int, body: bytes, result: Any) -> None:
    answer = livy.http.post(
        f"/sessions/{session}/statements",
        content=body,
        headers={"content-type": "application/json"},
    )
    if isinstance(result, int):
        assert (answer.status_code, list(answer.json())) == (result, ["msg"])
    else:
        assert answer.status_code == 201, answer.text
        output = livy.done(session, answer.json()["id"])["output"]
        assert output["data"] == {"text/plain": result}


def test_code_of_ten_megabytes_runs(livy: Livy, session: int) -> None:
    code = f"text = '{'x' * 10_000_000}'\nlen(text)"
    number = livy.submit(session, code)
    found = livy.done(session, number)
    assert found["output"]["data"] == {"text/plain": "10000000"}
    assert found["code"] == code


def test_name_of_any_letters_is_an_address(livy: Livy, session: int) -> None:
    shown = livy.http.get(f"/sessions/{NAME}").json()
    assert (shown["id"], shown["name"]) == (session, NAME)
    again = livy.http.post("/sessions", json={"kind": "pyspark", "name": NAME})
    assert again.status_code == 400
    assert NAME in again.json()["msg"]


def test_no_value_freezes_a_session(livy: Livy, session: int) -> None:
    show(livy, session, random.Random(7), 25, ("pyspark", "sql"))
