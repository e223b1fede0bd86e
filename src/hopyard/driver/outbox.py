"""What the agent has to say and the server has not yet written down."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from pydantic_core import PydanticSerializationError

from hopyard.mask import Mask
from hopyard.protocol.messages import (
    Answer,
    Ended,
    Failed,
    Output,
    Ready,
    Step,
)

Numbered = Step | Ready | Failed | Output | Answer | Ended

HELD_AT_MOST = 64_000_000
"""Characters that may wait while home is away; beyond it, output is left out (results are not)."""


class Outbox:
    """Numbers messages and keeps them until they are acknowledged.

    A message is made to text once, when it is put in: so a replay sends exactly the same. Secrets
    that were read are masked there, in all that a driver says.
    """

    def __init__(self, mask: Mask | None = None) -> None:
        self.mask = mask or Mask()
        self.last_seq = 0
        self.held = 0
        """Characters that wait for an acknowledgement."""
        self._kept: deque[tuple[int, str]] = deque()
        self._sent = 0
        """How many of `_kept` were sent on this connection."""
        self._news = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def full(self) -> bool:
        """Whether output (not results) has to be left out."""
        return self.held > HELD_AT_MOST

    def put(self, message: Numbered) -> None:
        """Number a message and keep it until it is acknowledged."""
        self.last_seq += 1
        message.seq = self.last_seq
        text = self.mask.hide_in_json(_text(message))
        self._kept.append((self.last_seq, text))
        self.held += len(text)
        self._empty.clear()
        self._news.set()

    def acknowledge(self, seq: int) -> None:
        """Forget all messages up to this number."""
        while self._kept and self._kept[0][0] <= seq:
            _, text = self._kept.popleft()
            self.held -= len(text)
            self._sent = max(0, self._sent - 1)
        if not self._kept:
            self._empty.set()

    def rewind(self) -> None:
        """Begin again with the oldest message that is kept: a new connection."""
        self._sent = 0
        self._news.set()

    async def next(self) -> str:
        """Wait for the next message to send."""
        while self._sent >= len(self._kept):
            self._news.clear()
            await self._news.wait()
        text = self._kept[self._sent][1]
        self._sent += 1
        return text

    async def drained(self) -> None:
        """Wait until all is acknowledged."""
        await self._empty.wait()


def _text(message: Numbered) -> str:
    try:
        return message.model_dump_json()
    except (PydanticSerializationError, UnicodeEncodeError):  # a lone surrogate in a cell's output
        clean = type(message).model_validate(_clean(message.model_dump()))
        return clean.model_dump_json()


def _clean(value: Any) -> Any:
    """Replace what UTF-8 cannot express."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_clean(key): _clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    if value is None or isinstance(value, int | float):
        return value
    return repr(value)
