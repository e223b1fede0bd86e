"""What the agent has to say and the server has not yet written down."""

from __future__ import annotations

import asyncio
from collections import deque

from hopyard.mask import Mask
from hopyard.protocol.messages import (
    Answer,
    Display,
    Ended,
    Failed,
    InputRequest,
    Output,
    Ready,
    Result,
    Started,
    Step,
    Stream,
    largest_frame,
)
from hopyard.protocol.plain import plain

Numbered = Step | Ready | Failed | Output | Answer | Ended

WORDS = frozenset({"type", "name", "status", "request", "app_id", "ui_url"})
"""Fields that are not masked: the protocol's own."""
LARGEST = largest_frame(10_000_000)
BEGIN_WAITS = 0.005
"""Seconds from a statement's begin until home hears of it, if it is not over before."""
HELD_AT_MOST = 64_000_000
"""Characters that may wait while home is away; beyond it, output is left out (results are not)."""


class Outbox:
    """Numbers messages and keeps them until they are acknowledged.

    A message is made to text once, when it is put in: so a replay sends exactly the same. Secrets
    that were read are masked there, in all that a driver says.

    Args:
        mask: the secrets.
        largest: bytes of a message; home would close the connection, and again at each replay.
    """

    def __init__(self, mask: Mask | None = None, largest: int = LARGEST) -> None:
        self.mask = mask or Mask()
        self._largest = largest
        self.last_seq = 0
        self.held = 0
        """Characters that wait for an acknowledgement."""
        self._kept: deque[tuple[int, str]] = deque()
        self._sent = 0
        """How many of `_kept` were sent on this connection."""
        self._news = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()
        self._begun: Started | None = None
        """Of which home does not know yet."""
        self._waits: asyncio.TimerHandle | None = None

    @property
    def full(self) -> bool:
        """Whether output (not results) has to be left out."""
        return self.held > HELD_AT_MOST

    def begin(self, message: Started) -> None:
        """Say that a statement runs: with its result, if that comes at once."""
        self._say_begun()
        self._begun = message
        self._waits = asyncio.get_running_loop().call_later(BEGIN_WAITS, self._say_begun)

    def _say_begun(self) -> None:
        begun, self._begun = self._begun, None
        if self._waits is not None:
            self._waits.cancel()
        if begun is not None:
            self.put(begun)

    def put(self, message: Numbered) -> None:
        """Number a message and keep it until it is acknowledged.

        Whatever is in it can be sent; only what JSON does not know at all is refused.
        """
        begun = self._begun
        if begun is not None and getattr(message, "statement", None) == begun.statement:
            if isinstance(message, Result):
                message.began, self._begun = begun.at, None
            self._say_begun()
        message.seq = self.last_seq + 1
        text = self._text(message)
        if 4 * len(text) > self._largest and len(text.encode()) > self._largest:
            text = self._text(_instead(message))
        self.last_seq += 1
        self._kept.append((self.last_seq, text))
        self.held += len(text)
        self._empty.clear()
        self._news.set()

    def _text(self, message: Numbered) -> str:
        fields = self.mask.hide_in({name: plain(value) for name, value in message}, WORDS)
        return type(message).model_construct(**fields).model_dump_json()

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


def _instead(message: Numbered) -> Numbered:
    """Return what is said in place of a message that is too large."""
    words = "[left out here: it is too large to be sent]"
    match message:
        case Result():
            text = "What this statement gave is too large to be sent."
            left = {"status": "error", "ename": "TooLarge", "evalue": text, "traceback": []}
            return message.model_copy(update=left | {"data": {}, "metadata": {}})
        case Display() | Stream():
            text = f"\n{words}\n"
            return Stream(seq=message.seq, statement=message.statement, name="stderr", text=text)
        case InputRequest():
            return message.model_copy(update={"prompt": words})
        case Step():
            return message.model_copy(update={"text": words})
        case Failed() | Ended():
            return message.model_copy(update={"reason": words})
        case Answer():
            return message.model_copy(update={"content": {"status": "error", "evalue": words}})
    return message
