"""What a running statement asks whoever watches it, and the answer."""

from __future__ import annotations

import asyncio

from hopyard.driver.outbox import Outbox
from hopyard.protocol.messages import Input, InputRequest

PATIENCE = 600.0
"""Seconds that a statement waits for an answer."""


class Questions:
    """Asks one question at a time for one statement.

    Args:
        statement: which one.
        outbox: where the question goes.
    """

    def __init__(self, statement: int, outbox: Outbox) -> None:
        self._statement = statement
        self._outbox = outbox
        self._answer: asyncio.Future[Input] | None = None

    async def ask(self, prompt: str, password: bool) -> Input:
        """Ask; return the answer, or why there is none."""
        answer = self._answer = asyncio.get_running_loop().create_future()
        asked = InputRequest(statement=self._statement, prompt=prompt, password=password)
        self._outbox.put(asked)
        try:
            return await asyncio.wait_for(answer, PATIENCE)
        except TimeoutError:
            reason = f"nobody answered within {PATIENCE:.0f} seconds"
            return Input(statement=self._statement, reason=reason)

    def answer(self, message: Input) -> None:
        """Take an answer; one that nobody waits for is ignored."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(message)
