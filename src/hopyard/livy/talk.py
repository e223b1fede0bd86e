"""What is asked of drivers beside their statements, and what their code asks of people."""

from __future__ import annotations

import asyncio
import time
import uuid
from typing import Any

from hopyard.errors import Conflict, Unavailable
from hopyard.livy.background import Background
from hopyard.livy.records import Session, Statement
from hopyard.livy.requests import AskCompletion, AskInspection
from hopyard.livy.statements import check_working, kind_of
from hopyard.livy.transfers import Transfers
from hopyard.protocol.messages import Answer, Complete, Input, Inspect

ASK_SECONDS = 5.0
"""How long a driver has to answer about completions."""
LISTENER_SECONDS = 3.0
"""How long a statement that asks for input waits for somebody who watches it."""
UNHEARD = "nobody watches its events (a plain Livy client cannot answer)"


class Talk:
    """Questions to all drivers, and theirs."""

    def __init__(self) -> None:
        self._asked: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._background = Background()
        self.transfers = Transfers()

    async def complete(self, session: Session, request: AskCompletion) -> dict[str, Any]:
        """Return what may stand at the cursor; nothing when the driver does not say in time.

        Livy's answer, and (ours) which part of the code a candidate takes the place of.
        """
        kind = kind_of(session, request.kind)
        cursor = len(request.code) if request.cursor is None else request.cursor
        answer = await self._ask(
            session,
            Complete(request=uuid.uuid4().hex, kind=kind, code=request.code, cursor=cursor),
        )
        return {
            "candidates": answer.get("candidates") or answer.get("matches") or [],
            "cursor_start": answer.get("cursor_start", cursor),
            "cursor_end": answer.get("cursor_end", cursor),
            "metadata": answer.get("metadata") or {},
        }

    async def inspect(self, session: Session, request: AskInspection) -> dict[str, Any]:
        """Return what the interpreter knows of what stands at the cursor."""
        kind = kind_of(session, request.kind)
        cursor = len(request.code) if request.cursor is None else request.cursor
        return await self._ask(
            session,
            Inspect(
                request=uuid.uuid4().hex,
                kind=kind,
                code=request.code,
                cursor=cursor,
                detail=request.detail,
            ),
        )

    async def _ask(self, session: Session, message: Complete | Inspect) -> dict[str, Any]:
        check_working(session)
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._asked[message.request] = answer
        try:
            session.send(message)
            return await asyncio.wait_for(answer, ASK_SECONDS)
        except TimeoutError:
            return {}
        finally:
            del self._asked[message.request]

    def answered(self, session: Session, message: Answer) -> None:
        """A driver answered a question."""
        self.transfers.refused(session, message.request, message.content)
        waiting = self._asked.get(message.request)
        if waiting is not None and not waiting.done():
            waiting.set_result(message.content)

    @staticmethod
    def give_input(session: Session, statement: Statement, value: str) -> None:
        """Answer what a statement asked.

        Raises:
            Conflict: it asked for nothing.
            Unavailable: its driver is not there now.
        """
        if not statement.asking or statement.state.over:
            raise Conflict(f"Statement {statement.id} does not ask for input.")
        if session.line is None:
            raise Unavailable("The driver is not connected now: try again.")
        statement.asking = False
        session.send(Input(statement=statement.id, value=value))

    def asked_for_input(self, session: Session, statement: Statement) -> None:
        """A statement asks: refuse it soon if nobody watches."""
        self._background.spawn(self._refuse_unheard(session, statement))

    async def _refuse_unheard(self, session: Session, statement: Statement) -> None:
        end = time.monotonic() + LISTENER_SECONDS
        while statement.asking and not statement.watchers and not statement.state.over:
            left = end - time.monotonic()
            if left <= 0:
                statement.asking = False
                session.send(Input(statement=statement.id, reason=UNHEARD))
                return
            await asyncio.sleep(min(left, 0.1))

    async def close(self) -> None:
        """Wait for what is under way."""
        await self._background.finished()
