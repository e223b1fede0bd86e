"""Heads of requests that come slowly, or never."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
import uvicorn
from websockets.asyncio.client import connect

from hopyard.cli import heads

GOOD = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"


async def _slow_answer(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (said := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": said["text"]})
        return
    await asyncio.sleep(3 * heads.HEAD_SECONDS)  # longer than a head may take
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]}
    )
    await send({"type": "http.response.body", "body": b"ok"})


@pytest_asyncio.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    monkeypatch.setattr(heads, "HEAD_SECONDS", 0.3)
    monkeypatch.setattr(heads, "BODY_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(
            _slow_answer, http=heads.BoundedHeads, lifespan="off", log_config=None
        )
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve(sockets=[listening]))
        yield listening.getsockname()[1]
        server.should_exit = True
        await task


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nHost: he", b"\r\n"])
async def test_head_that_does_not_end_is_refused_in_time(port: int, said: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(said)
    begun = time.monotonic()
    answer = await asyncio.wait_for(reader.read(), 20)
    assert time.monotonic() - begun > 0.2
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"has to come within" in answer
    writer.close()


async def test_slow_answers_and_idle_connections_are_left_alone(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(2):
        writer.write(GOOD)
        answer = await asyncio.wait_for(reader.readuntil(b"ok"), 20)
        assert answer.startswith(b"HTTP/1.1 200 ")
        await asyncio.sleep(2 * heads.HEAD_SECONDS)
    writer.write(GOOD + b"\r\n")  # an empty line is no head yet
    await asyncio.wait_for(reader.readuntil(b"ok"), 20)
    writer.close()


async def _send(port: int, pieces: list[bytes], pause: float) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 20000\r\n\r\n")
    answer = asyncio.create_task(reader.read(1000))
    for piece in pieces:
        if answer.done():
            break
        writer.write(piece)
        await asyncio.sleep(pause)
    try:
        return await asyncio.wait_for(answer, 20)
    finally:
        writer.close()


async def test_body_that_hardly_comes_is_refused_in_time(port: int) -> None:
    begun = time.monotonic()
    answer = await _send(port, [b"x"] * 200, 0.1)
    assert time.monotonic() - begun < 10
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"has to come at" in answer


async def test_body_that_keeps_coming_is_taken(port: int) -> None:
    answer = await _send(port, [b"x" * 1000] * 20, 0.05)
    assert answer.startswith(b"HTTP/1.1 200 ")


async def test_websocket_is_no_head(port: int) -> None:
    async with connect(f"ws://127.0.0.1:{port}", proxy=None) as socket:
        for _ in range(2):
            await asyncio.sleep(2 * heads.HEAD_SECONDS)
            await socket.send("still here")
            assert await asyncio.wait_for(socket.recv(), 20) == "still here"
