"""Where drivers dial home."""

from __future__ import annotations

from fastapi import APIRouter, WebSocket

from hopyard.livy.channel import serve_driver
from hopyard.livy.deps import as_id, services

router = APIRouter()


@router.websocket("/livy/drivers/{session}")
async def driver(socket: WebSocket, session: str) -> None:
    """Take the call of a session's driver."""
    known = services(socket)
    await serve_driver(socket, as_id(session), known.sessions, known.talk)
