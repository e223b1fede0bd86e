"""Every door of the Livy server: shut without a token, not there for a stranger."""

from __future__ import annotations

import asyncio
import json
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.types import Message

from hopyard.livy.app import create_app
from hopyard.livy.batches.records import Batch
from hopyard.livy.records import Session
from hopyard.livy.requests import CreateBatch, CreateSession
from hopyard.livy.sharing import hash_of
from hopyard.protocol.messages import GONE, REFUSED, SERVER, UNAUTHORISED, Hello
from hopyard.protocol.states import SessionState
from hopyard.settings import Settings
from hopyard.store.engine import migrate
from hopyard.store.types import now
from tests.unit.web.around import serve

PUBLIC = {"/ping", "/version", "/openapi.json", "/"}
BY_SECRET = "/livy/drivers/"
PEOPLE = "ann token-of-ann\nbob token-of-bob\nroot token-of-root admin\n"
ANNS, BOBS = 1, 2


def make_app(folder: Path) -> FastAPI:
    tokens = folder / "tokens"
    tokens.write_text(PEOPLE)
    tokens.chmod(0o600)
    return create_app(Settings(data_dir=folder), None, token_file=tokens)


def put(app: FastAPI, number: int, owner: str) -> Session:
    """A session that works, without a driver."""
    session = Session(
        id=number,
        project="standalone",
        owner=owner,
        request=CreateSession(name=f"of-{owner}"),
        created=now(),
        state=SessionState.IDLE,
        secret_hash=hash_of(f"secret-{number}"),
        app_id="local-1",
    )
    app.state.services.sessions.adopt(session)
    return session


def filled(folder: Path) -> FastAPI:
    app = make_app(folder)
    migrate(app.state.services.settings.database)
    put(app, ANNS, "ann")
    put(app, BOBS, "bob")
    return app


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    return filled(tmp_path)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    return filled(tmp_path_factory.mktemp("doors"))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def client(shared: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    # From another machine: what loopback may is not tried here.
    transport = httpx.ASGITransport(shared, client=("192.0.2.9", 1))
    async with (
        shared.router.lifespan_context(shared),
        httpx.AsyncClient(transport=transport, base_url="http://livy.example") as client,
    ):
        yield client


def of(user: str) -> dict[str, str]:
    return {"Authorization": f"Bearer token-of-{user}"}


@dataclass(frozen=True)
class Door:
    method: str
    path: str

    @property
    def url(self) -> str:
        path = self.path.replace("{session}", str(ANNS)).replace(":path}", "}")
        return "/".join("0" if part.startswith("{") else part for part in path.split("/"))


def _doors() -> Iterator[Door]:
    with tempfile.TemporaryDirectory() as folder:
        app = make_app(Path(folder))
    for context in iter_route_contexts(app.routes):
        if isinstance(context.original_route, APIRoute) and context.path:
            for method in sorted(context.methods or ()):
                yield Door(method, context.path)


DOORS = list(_doors())
CLOSED = [door for door in DOORS if door.path not in PUBLIC]
OF_SESSIONS = [door for door in CLOSED if door.path.startswith("/sessions/{session}")]


def _name(door: Door) -> str:
    return f"{door.method} {door.path}"


def test_doors_were_found() -> None:
    assert len(OF_SESSIONS) > 15
    assert len(CLOSED) > len(OF_SESSIONS)


@pytest.mark.parametrize("door", CLOSED, ids=_name)
async def test_door_is_shut_without_a_token(client: httpx.AsyncClient, door: Door) -> None:
    shut = 403 if door.path.startswith(BY_SECRET) else 401
    for headers in ({}, {"Authorization": "Bearer token-of-nobody"}, {"Cookie": "token-of-ann"}):
        answer = await client.request(door.method, door.url, headers=headers)
        assert answer.status_code == shut, answer.text
        assert "ann" not in answer.text


@pytest.mark.parametrize("door", OF_SESSIONS, ids=_name)
async def test_session_is_not_there_for_a_stranger(client: httpx.AsyncClient, door: Door) -> None:
    answer = await client.request(door.method, door.url, headers=of("bob"), json={"code": "1"})
    assert answer.status_code == 404, answer.text
    there = "" if door.method == "HEAD" else '{"msg":"Session \'1\' not found."}'
    assert answer.text == there
    by_name = door.url.replace(f"/sessions/{ANNS}", "/sessions/of-ann")
    answer = await client.request(door.method, by_name, headers=of("bob"), json={"code": "1"})
    assert answer.status_code == 404


async def test_list_shows_ones_own_only(client: httpx.AsyncClient) -> None:
    for user, number in (("ann", [ANNS]), ("bob", [BOBS]), ("root", [])):
        shown = (await client.get("/sessions", headers=of(user))).json()
        assert [one["id"] for one in shown["sessions"]] == number
    answer = await client.get("/sessions?all=true", headers=of("bob"))
    assert answer.status_code == 403


async def test_administrator_sees_uses_and_ends_others_sessions(
    client: httpx.AsyncClient, shared: FastAPI
) -> None:
    shown = (await client.get("/sessions?all=true", headers=of("root"))).json()
    assert [(one["id"], one["owner"]) for one in shown["sessions"]] == [(1, "ann"), (2, "bob")]
    answer = await client.get(f"/sessions/{ANNS}/state", headers=of("root"))
    assert answer.json() == {"id": ANNS, "state": "idle"}
    # By number only: a name is of one's own sessions.
    assert (await client.get("/sessions/of-ann", headers=of("root"))).status_code == 404
    put(shared, 3, "ann")
    assert (await client.get("/sessions/3", headers=of("ann"))).status_code == 200
    assert (await client.delete("/sessions/3", headers=of("root"))).status_code == 200
    assert (await client.get("/sessions/3", headers=of("ann"))).status_code == 404


async def test_metrics_elsewhere_are_for_administrators(client: httpx.AsyncClient) -> None:
    assert (await client.get("/metrics", headers=of("bob"))).status_code == 403
    answer = await client.get("/metrics", headers=of("root"))
    assert 'livy_sessions{state="idle"} 2.0' in answer.text


@pytest.mark.parametrize(
    ("session", "secret", "code"),
    [
        (ANNS, "secret-2", UNAUTHORISED),
        (BOBS, "secret-1", UNAUTHORISED),
        (ANNS, "", UNAUTHORISED),
        (ANNS, "token-of-ann", UNAUTHORISED),
        (99, "secret-1", GONE),
    ],
)
async def test_driver_speaks_for_its_own_session_only(
    app: FastAPI, session: int, secret: str, code: int
) -> None:
    async with app.router.lifespan_context(app):
        said = await dial(app, session, secret)
        begin, _ = said
        assert begin["type"] == "websocket.http.response.start", "it was not taken"
        assert (REFUSED.lower().encode(), str(code).encode()) in begin["headers"]


async def test_driver_that_calls_another_server_is_not_sent_away_for_good(app: FastAPI) -> None:
    async with app.router.lifespan_context(app):
        for session in (ANNS, 99):
            begin, _ = await dial(app, session, "secret-of-another", server="another")
            assert begin["status"] == 421
            assert REFUSED.lower().encode() not in dict(begin["headers"])
        own = app.state.services.sessions.server
        said = await dial(app, ANNS, "secret-1", [3], own)
        assert said[0]["type"] == "websocket.accept", "this one is meant"


async def test_large_frame_of_a_stranger_is_never_read(app: FastAPI) -> None:
    """A frame that comes right behind the request, before the server can have answered it."""
    size = 15_000_000  # of the ones that a driver may send here
    call = (
        f"GET /livy/drivers/{ANNS} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer wrong\r\n\r\n"
    )
    frame = b"\x81\xff" + size.to_bytes(8) + bytes(4)

    def speak(url: str) -> tuple[bytes, int]:
        address = urlsplit(url)
        with socket.create_connection((address.hostname, address.port), 10) as stranger:
            stranger.sendall(call.encode() + frame)
            head, sent = stranger.recv(4096), 0
            try:
                while sent < size:
                    sent += stranger.send(bytes(65536))
            except OSError:
                pass
        return head, sent

    with serve(app) as url:
        head, sent = await asyncio.to_thread(speak, url)
    assert head.startswith(b"HTTP/1.1 403"), head
    assert sent < size, "what was sent lay in the buffers of the two sockets"


async def test_driver_with_its_secret_is_welcome(app: FastAPI) -> None:
    async with app.router.lifespan_context(app):
        # It still has a statement that was cancelled while nobody could tell it.
        said = await dial(app, ANNS, "secret-1", unfinished=[3])
    assert [json.loads(one["text"]) for one in said[1:3]] == [
        {"type": "welcome", "acked": 0},
        {"type": "cancel", "statement": 3},
    ]


async def dial(
    app: FastAPI, session: int, secret: str, unfinished: Sequence[int] = (), server: str = ""
) -> list[Message]:
    """Dial home as a driver; return what the server says until it closes, or has said enough."""
    hello = Hello(pid=1, unfinished=list(unfinished)).model_dump_json()
    said: list[Message] = []
    heard: asyncio.Queue[Message] = asyncio.Queue()
    heard.put_nowait({"type": "websocket.connect"})
    heard.put_nowait({"type": "websocket.receive", "text": hello})

    async def send(message: Message) -> None:
        said.append(message)
        if message["type"] == "websocket.close" or len(said) == 3:
            heard.put_nowait({"type": "websocket.disconnect", "code": 1000})

    path = f"/livy/drivers/{session}"
    headers = {b"authorization": f"Bearer {secret}"} | (
        {SERVER.lower().encode(): server} if server else {}
    )
    scope = {
        "type": "websocket",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(name, value.encode()) for name, value in headers.items()],
        "subprotocols": [],
        "extensions": {"websocket.http.response": {}},
    }
    await asyncio.wait_for(app(scope, heard.get, send), 20)
    return said


@pytest.mark.parametrize(
    ("setting", "limit"), [("batches_per_user", 1), ("batches_per_project", 2)]
)
@pytest.mark.parametrize("path", ["/batches", "/batches/"])
async def test_limits_of_batches_are_429(
    tmp_path: Path, setting: str, limit: int, path: str
) -> None:
    settings = Settings(data_dir=tmp_path, livy={setting: limit})  # type: ignore[arg-type]
    app = create_app(settings, None)
    for number in range(1, limit + 1):
        owner = "" if setting == "batches_per_user" else f"user{number}"
        batch = Batch(number, "standalone", owner, CreateBatch(file="a.py"), now())
        app.state.services.batches.adopt(batch)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        answer = await client.post(path, json={"file": "a.py"})
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0
    assert f"{limit} batches are running" in answer.json()["msg"]


@pytest.mark.parametrize(
    ("setting", "limit"), [("sessions_per_user", 1), ("sessions_per_project", 2)]
)
async def test_limits_are_429_with_a_time(tmp_path: Path, setting: str, limit: int) -> None:
    settings = Settings(data_dir=tmp_path, livy={setting: limit})  # type: ignore[arg-type]
    app = create_app(settings, None)
    for number in range(limit):
        put(app, number + 1, "" if setting == "sessions_per_user" else f"user{number}")
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        answer = await client.post("/sessions", json={"kind": "pyspark"})
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0
    assert f"{limit} sessions are running" in answer.json()["msg"]
