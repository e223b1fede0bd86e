"""What batches do by themselves, found out every second; what a restarted server takes up.

- A report with an exit code: `success` or `dead`, with the reason in the report.
- A process that ended without one (killed with its whole sandbox): `dead`.
- An application that is known in a report: `running`.
- What was over for an hour is forgotten; what was deleted and is not yet stopped, is stopped.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

from hopyard import log
from hopyard.launchers.base import Launcher
from hopyard.livy.batches import records
from hopyard.livy.batches.records import Batch
from hopyard.livy.batches.service import Batches
from hopyard.livy.inbox import is_local
from hopyard.livy.ledger import Ledger
from hopyard.protocol.messages import BatchReport
from hopyard.protocol.states import BatchState
from hopyard.store.types import now

TICK = 1.0
RETAIN = timedelta(hours=1)

_log = log.get(__name__)


class Watch:
    """Looks after all batches.

    Args:
        batches: what is wanted.
        launcher: says what is real.
        ledger: where what it finds out is written down.
    """

    def __init__(self, batches: Batches, launcher: Launcher, ledger: Ledger) -> None:
        self._batches = batches
        self._launcher = launcher
        self._ledger = ledger

    async def recover(self) -> None:
        """Take up everything that was written down."""
        for batch in await records.read_all(self._ledger):
            self._batches.adopt(batch)
            if batch.over:
                if batch.deleted or batch.process is not None:
                    self._batches.finish_later(batch)
            elif batch.deleted:
                await self._batches.end(batch, BatchState.KILLED, "The batch was deleted.")
            elif batch.process is None:
                self._batches.launch(batch)  # one that was begun before was never released
            else:
                await self._launcher.release(batch.process)

    async def run(self) -> None:
        """Look again and again; a look that fails is logged, the next one comes."""
        while True:
            await asyncio.sleep(TICK)
            for batch in self._batches.all:
                try:
                    await self._look(batch)
                except Exception:  # this loop must outlive whatever one batch does to it
                    _log.exception("looking after a batch failed", batch=batch.id)

    async def _look(self, batch: Batch) -> None:
        if batch.driving.locked():
            return
        if batch.over:
            if batch.deleted:
                self._batches.finish_later(batch)
            elif batch.ended is None or now() - batch.ended > RETAIN:
                await self._batches.delete(batch)
        elif batch.process is not None:
            ended = await self._launcher.check(batch.process)
            # In this order: a report that was written last is read after the end was seen.
            report = await self._launcher.report(batch.place)
            await self._take(batch, report, ended)

    async def _take(self, batch: Batch, report: BatchReport, ended: str | None) -> None:
        if report.app_id is not None and batch.app_id is None:
            batch.app_id = report.app_id
            batch.ui_url = report.ui_url if is_local(report.ui_url) else None
            batch.move(BatchState.RUNNING)
            await self._ledger.write(records.updated(batch, "app_id", "ui_url", "state"))
        if report.exit_code is not None:
            batch.exit_code = report.exit_code
            state = BatchState.DEAD if report.exit_code else BatchState.SUCCESS
            await self._batches.end(batch, state, report.reason)
        elif ended is not None:
            await self._batches.end(
                batch, BatchState.DEAD, f"The driver {ended}; its log says more."
            )
