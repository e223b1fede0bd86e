"""Where drivers dial home."""

from __future__ import annotations

from fastapi import APIRouter, WebSocket

from hopyard.livy.channel import serve_driver
from hopyard.livy.deps import services

router = APIRouter()


@router.websocket("/livy/drivers/{session}")
async def driver(socket: WebSocket, session: str) -> None:
    """Take the call of a session's driver."""
    key = int(session) if session.isascii() and session.isdigit() and len(session) < 10 else -1
    known = services(socket)
    await serve_driver(socket, key, known.sessions, known.talk)
