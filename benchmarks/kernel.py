"""A notebook without a browser: a kernel of a Jupyter server, over its WebSocket."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect

from hopyard.hosts import LocalNames, near


class CellFailed(RuntimeError):
    """A cell raised; the message is its traceback."""


class Kernel:
    """One running kernel."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._session = uuid.uuid4().hex

    async def run(self, code: str, *, seconds: float = 120) -> tuple[float, str]:
        """Run a cell; return the seconds until the kernel is idle again, and its text output.

        Raises:
            CellFailed: the cell raised.
            TimeoutError: it was not done in time.
        """
        sent = uuid.uuid4().hex
        content = {"code": code, "silent": False, "store_history": True, "stop_on_error": True}
        begin = time.perf_counter()
        await self._socket.send(json.dumps(self._message(sent, "execute_request", content)))
        text = ""
        async with asyncio.timeout(seconds):
            while True:
                frame = await self._socket.recv()
                if isinstance(frame, bytes):  # a widget's picture: no text is in it
                    continue
                message = json.loads(frame)
                if message["parent_header"].get("msg_id") != sent:
                    continue
                kind, content = message["msg_type"], message["content"]
                if kind == "status" and content["execution_state"] == "idle":
                    return time.perf_counter() - begin, text
                if kind == "error":
                    raise CellFailed("\n".join(content["traceback"]))
                text += content.get("text", "")
                text += content.get("data", {}).get("text/plain", "")

    async def complete(self, code: str, *, seconds: float = 30) -> tuple[float, list[str]]:
        """Ask what may stand at the end of code; return the seconds, and the candidates.

        Raises:
            TimeoutError: there was no answer in time.
        """
        took, answer = await self._ask("complete", code, seconds)
        return took, answer["matches"]

    async def inspect(self, code: str, *, seconds: float = 30) -> tuple[float, str]:
        """Ask what stands at the end of code; return the seconds, and the text.

        Raises:
            TimeoutError: there was no answer in time.
        """
        took, answer = await self._ask("inspect", code, seconds)
        return took, answer["data"].get("text/plain", "")

    async def _ask(self, what: str, code: str, seconds: float) -> tuple[float, dict[str, Any]]:
        sent = uuid.uuid4().hex
        content = {"code": code, "cursor_pos": len(code), "detail_level": 0}
        begin = time.perf_counter()
        await self._socket.send(json.dumps(self._message(sent, f"{what}_request", content)))
        async with asyncio.timeout(seconds):
            while True:
                message = json.loads(await self._socket.recv())
                mine = message["parent_header"].get("msg_id") == sent
                if mine and message["msg_type"] == f"{what}_reply":
                    return time.perf_counter() - begin, message["content"]

    def _message(self, sent: str, kind: str, content: dict[str, Any]) -> dict[str, Any]:
        header = {
            "msg_id": sent,
            "msg_type": kind,
            "session": self._session,
            "username": "",
            "version": "5.3",
        }
        return {
            "header": header,
            "parent_header": {},
            "metadata": {},
            "content": content,
            "channel": "shell",
            "buffers": [],
        }


@contextlib.asynccontextmanager
async def kernel(server_url: str, token: str, name: str) -> AsyncIterator[Kernel]:
    """Start a kernel in a Jupyter server (its address ends with a slash), end it afterwards."""
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(
        base_url=server_url, headers=headers, transport=LocalNames(), timeout=60
    ) as http:
        answer = await http.post("api/kernels", json={"name": name})
        answer.raise_for_status()
        path = f"api/kernels/{answer.json()['id']}"
        address = server_url.replace("http", "ws", 1) + path + "/channels"
        try:
            async with connect(
                address, additional_headers=headers, proxy=None, max_size=None, **near(address)
            ) as socket:
                yield Kernel(socket)
        finally:
            await http.delete(path)
