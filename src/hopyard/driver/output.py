"""What a statement shows while it runs: put together, limited, sent."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any, Literal

from hopyard.driver.interpreters.base import Outcome
from hopyard.driver.outbox import Outbox
from hopyard.driver.question import Questions
from hopyard.protocol.messages import Clear, Display, Input, Stream

GATHER = 0.04
"""Seconds that text waits for more of it; the first piece goes at once."""
PIECE = 100_000
"""Characters of one message at most."""
Name = Literal["stdout", "stderr"]


class StatementOutput:
    """Sends the output of one statement, up to a limit.

    Args:
        statement: which one.
        outbox: where it goes.
        limit: characters of all its output.
    """

    def __init__(self, statement: int, outbox: Outbox, limit: int) -> None:
        self._statement = statement
        self._outbox = outbox
        self._limit = limit
        self._left = limit
        self._cut = False
        self._name: Name = "stdout"
        self._pieces: list[str] = []
        self._kept_back: dict[Name, str] = {}
        """What the other stream ended with, if that may be the beginning of a secret."""
        self._timer: asyncio.TimerHandle | None = None
        self._last = 0.0
        self.questions = Questions(statement, outbox)

    def stream(self, name: Name, text: str) -> None:
        """Take a piece of text."""
        if self._cut or not text:
            return
        if self._outbox.full:
            self._cut_off("the server could not be reached for too long")
            return
        if name != self._name:
            self._flush(whole=False)
            self._kept_back[self._name] = "".join(self._pieces)
            self._pieces[:] = filter(None, [self._kept_back.pop(name, "")])
            self._name = name
        over = len(text) > self._left
        self._pieces.append(text[: self._left])
        self._left -= len(self._pieces[-1])
        now = asyncio.get_running_loop().time()
        if over:
            self._cut_off(f"a statement may write {self._limit:,} characters")
        elif self._timer is None:
            if now - self._last >= GATHER:
                self._flush(whole=False)
            else:
                loop = asyncio.get_running_loop()
                self._timer = loop.call_later(GATHER - (now - self._last), self._flush)

    def display(
        self,
        data: dict[str, Any],
        metadata: dict[str, Any],
        transient: dict[str, Any],
        update: bool = False,
    ) -> None:
        """Take rich output."""
        self._flush(whole=False)
        if self._cut:
            return
        size = sum(map(_size, (*data.values(), *metadata.values(), *transient.values())))
        if size > self._left:
            self._cut_off(f"a statement may show {self._limit:,} characters")
            return
        self._left -= size
        self._outbox.put(
            Display(
                statement=self._statement,
                data=data,
                metadata=metadata,
                transient=transient,
                update=update,
            )
        )

    def clear(self, *, wait: bool) -> None:
        """Take back what was shown: there is room again."""
        self.flush()
        self._left, self._cut = self._limit, False
        self._outbox.put(Clear(statement=self._statement, wait=wait))

    async def ask(self, prompt: str, password: bool) -> Input:
        """Ask, after what was shown so far."""
        self.flush()
        return await self.questions.ask(prompt, password)

    def result(self, outcome: Outcome) -> Outcome:
        """Return a statement's end as it is within the limit; else with a word about it."""
        room = max(self._left, self._limit // 2)
        size = sum(map(_size, (*outcome.data.values(), *outcome.metadata.values())))
        if size > room:
            words = f"[result left out: it has {size:,} characters of at most {self._limit:,}]"
            return replace(outcome, data={"text/plain": words}, metadata={})
        error = (outcome.ename, outcome.evalue, *outcome.traceback)
        if sum(map(len, error)) > room:
            room //= len(error)
            ename, evalue, *lines = (_shortened(text, room) for text in error)
            return replace(outcome, ename=ename, evalue=evalue, traceback=tuple(lines))
        return outcome

    def flush(self) -> None:
        """Send what waits."""
        self._flush(whole=True)
        for name, text in self._kept_back.items():
            if text:
                self._outbox.put(Stream(statement=self._statement, name=name, text=text))
        self._kept_back.clear()

    def _flush(self, *, whole: bool = False) -> None:
        """Send what waits; unless the whole of it, what may be half of a secret waits on."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._pieces:
            return
        mask = self._outbox.mask
        text = mask.hide("".join(self._pieces))
        held = 0 if whole else mask.begun(text)
        self._pieces[:] = [text[len(text) - held :]] if held else []
        text = text[: len(text) - held]
        self._last = asyncio.get_running_loop().time()
        for start in range(0, len(text), PIECE):
            piece = text[start : start + PIECE]
            self._outbox.put(Stream(statement=self._statement, name=self._name, text=piece))

    def _cut_off(self, reason: str) -> None:
        self.flush()
        self._cut = True
        text = f"\n[output cut here: {reason}; the code runs on]\n"
        self._outbox.put(Stream(statement=self._statement, name=self._name, text=text))


def _size(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    try:
        return len(json.dumps(value, default=str))
    except RecursionError:  # it will be made plain
        return 0


def _shortened(text: str, most: int) -> str:
    """Cut the middle out of a text: its beginning and its end say most."""
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]}\n[cut here: {len(text):,} characters]\n{text[len(text) - half :]}"
