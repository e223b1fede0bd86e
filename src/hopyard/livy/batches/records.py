"""Batches in the server's memory, and between the rows of the table and them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import delete, insert, select, update

from hopyard.launchers.base import Process
from hopyard.livy.batches.models import BatchRow
from hopyard.livy.ledger import Ledger, Write
from hopyard.livy.requests import CreateBatch
from hopyard.protocol.states import BatchState, may_follow

_BATCH = BatchRow.__table__


@dataclass(slots=True, eq=False)
class Batch:
    """A batch: one application of one user in one project."""

    id: int
    project: str
    owner: str
    request: CreateBatch
    created: datetime
    state: BatchState = BatchState.STARTING
    reason: str = ""
    process: Process | None = None
    idempotency_key: str | None = None
    app_id: str | None = None
    ui_url: str | None = None
    exit_code: int | None = None
    deleted: bool = False
    ended: datetime | None = None
    driving: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while its process is started, and while it is stopped: never both."""

    @property
    def place(self) -> str:
        """The name of its process's folder."""
        return f"batches/{self.id}"

    @property
    def over(self) -> bool:
        """Whether its application has ended."""
        return self.state.over

    def move(self, state: BatchState) -> bool:
        """Take a state if it may follow."""
        if not may_follow(self.state, state):
            return False
        self.state = state
        return True


def inserted(batch: Batch) -> Write:
    """Write a new batch down; the database gives its id."""
    values = {
        "project": batch.project,
        "owner": batch.owner,
        "name": batch.request.name,
        "state": batch.state.value,
        "reason": "",
        "request": batch.request.model_dump(mode="json", exclude_none=True),
        "idempotency_key": batch.idempotency_key,
        "deleted": False,
        "created": batch.created,
    }
    return insert(BatchRow).values(**values), None


def updated(batch: Batch, *fields: str) -> Write:
    """Write some of a batch's fields down."""
    values = {name: getattr(batch, name) for name in fields}
    return update(BatchRow).where(BatchRow.id == batch.id).values(**values), None


def removed(batch: Batch) -> Write:
    """Remove a batch."""
    return delete(BatchRow).where(BatchRow.id == batch.id), None


async def read_all(ledger: Ledger) -> list[Batch]:
    """Return every batch that was written down, as it was."""
    return [
        Batch(
            id=row.id,
            project=row.project,
            owner=row.owner,
            request=CreateBatch.model_validate(row.request, strict=False),
            created=row.created,
            state=BatchState(row.state),
            reason=row.reason,
            process=row.process,
            idempotency_key=row.idempotency_key,
            app_id=row.app_id,
            ui_url=row.ui_url,
            exit_code=row.exit_code,
            deleted=row.deleted,
            ended=row.ended,
        )
        for row in await ledger.read(select(_BATCH).order_by(_BATCH.c.id))
    ]
