"""Bodies of requests to web: bounded before anybody is asked who sends them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import httpx
import pytest

from hopyard.web.app import BODY_LIMIT
from tests.unit.web.around import Web

PATHS = ("/api/v1/projects", "/projects/", "/projects/hops/applications/7/ui/x")


@pytest.mark.parametrize("path", PATHS)
async def test_body_of_a_length_that_is_too_large_is_not_read(web: Web, path: str) -> None:
    address = urlsplit(web.url)
    for length in (300_000_000, 10**18):
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(
            f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            f"Content-Length: {length}\r\n\r\n[1,1".encode()
        )
        answer = await asyncio.wait_for(reader.read(), 20)  # to the end: it is closed
        assert answer.startswith(b"HTTP/1.1 413 "), answer
        writer.close()


@pytest.mark.parametrize("token", [None, "t-ada"])
async def test_body_without_a_length_is_counted(web: Web, token: str | None) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        yield b"["
        while sent < 50 * BODY_LIMIT:
            sent += 100_000
            yield b"1," * 50_000

    async with web.api(token) as api:
        json = {"Content-Type": "application/json"}
        try:
            answer = await api.post("/api/v1/projects", content=endless(), headers=json)
            assert answer.status_code == 413
        except httpx.TransportError:
            pass  # closed while it was sent
    assert sent < 20 * BODY_LIMIT


@pytest.mark.parametrize("body", [b"[" * 900_000, b'{"a":' * 150_000, b'{"name":"\\ud800"}'])
async def test_odd_json_is_refused(web: Web, body: bytes) -> None:
    async with web.api("t-ada") as api:
        json = {"Content-Type": "application/json"}
        answer = await api.post("/api/v1/projects", content=body, headers=json)
        assert answer.status_code in (400, 422)


async def test_largest_secret_is_taken(web: Web) -> None:
    async with web.api("t-ada") as api:
        answer = await api.put("/api/v1/secrets/large", json={"value": "\x01" * 65_536})
        assert answer.status_code == 200
        assert (await api.delete("/api/v1/secrets/large")).status_code == 204
