"""The batches: who has which, how they begin and end.

`watch.py` finds out what they do by themselves.
"""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from hopyard import log
from hopyard.errors import HopyardError, InvalidInput, Unavailable
from hopyard.launchers.base import Order
from hopyard.livy import conf, owned
from hopyard.livy.access import Caller
from hopyard.livy.applications import Applications
from hopyard.livy.batches import records
from hopyard.livy.batches.records import Batch
from hopyard.livy.ledger import Write
from hopyard.livy.logfile import say
from hopyard.livy.requests import CreateBatch
from hopyard.protocol.messages import BatchConfig
from hopyard.protocol.states import BatchState
from hopyard.store.types import now

_log = log.get(__name__)


class Batches(Applications[Batch]):
    """All batches of this server."""

    what: ClassVar[str] = "batches"

    async def create(self, caller: Caller, request: CreateBatch, key: str | None = None) -> Batch:
        """Make a batch and begin to start its application.

        Args:
            caller: who asks.
            request: what for.
            key: what the client calls this request; one that came before makes nothing again.

        Raises:
            InvalidInput: the request asks for what is not allowed, or the name is taken; or another
                request had the key.
            NotAllowed: `proxyUser` is not the caller's to give.
            TooMany: the user or the project has as many batches as are allowed.
        """
        make = partial(self._create, caller, request, key)
        return await self._made_once(caller, key, request, make)

    async def _create(self, caller: Caller, request: CreateBatch, key: str | None) -> Batch:
        if not request.file:
            raise InvalidInput("Rejected, Reason: requirement failed: File is required.", "file")
        self._check(caller, request)
        conf.seen_path(request.file, self._launcher, self._project_folder(caller.project))
        limits = self._settings.livy
        self._check_room(
            caller, per_user=limits.batches_per_user, per_project=limits.batches_per_project
        )
        owned.check_name(caller, request.name, self._working(caller))
        batch = Batch(0, caller.project, caller.user, request, now(), idempotency_key=key)
        await self._write_new(batch, records.inserted(batch))
        self.launch(batch)
        return batch

    async def delete(self, batch: Batch) -> None:
        """Kill a batch if it runs, and forget it."""
        batch.deleted = True
        if batch.over:
            await self._forget(batch)
        else:
            await self.end(batch, BatchState.KILLED, "The batch was deleted.")

    # --- beginning and ending --------------------------------------------------------------------

    def launch(self, batch: Batch) -> None:
        """Begin to start a batch's process."""
        self._background.spawn(self._launch(batch))

    async def _launch(self, batch: Batch) -> None:
        try:
            async with batch.driving:
                if batch.over:
                    return
                user = batch.request.proxyUser or batch.owner
                order = Order(batch.project, self._config(batch), self.log_file(batch), user)
                batch.process = await self._launcher.start(order)
                await self.ledger.write(records.updated(batch, "process"))
                await self._launcher.release(batch.process)
        except HopyardError as error:
            await self.end(batch, BatchState.DEAD, str(error))

    def _config(self, batch: Batch) -> BatchConfig:
        request = batch.request
        folder = self._project_folder(batch.project)
        start = self._spark_conf(
            batch, request, request.name, self.addresses.batch_ui_base(batch.project, batch.id)
        )
        return BatchConfig(
            batch=batch.id,
            file=conf.seen_path(request.file or "", self._launcher, folder),
            class_name=request.className,
            args=request.args_texts(),
            **start,
        )

    async def end(self, batch: Batch, state: BatchState, reason: str) -> None:
        """End a batch for good, with the reason that its owner reads."""
        if batch.over or not batch.move(state):
            return
        batch.reason, batch.ended = reason, now()
        _log.info("batch over", batch=batch.id, state=state.value, reason=reason)
        say(self.log_file(batch), f"Batch {batch.id} is over: {reason or state.value}")
        fields = ("state", "reason", "exit_code", "ended", "deleted")
        try:
            await self.ledger.write(records.updated(batch, *fields))
        except Unavailable:
            # It is over all the same; after a restart it is found so again.
            _log.error("the end of a batch was not written down", batch=batch.id)
        self.finish_later(batch)

    def _updated(self, one: Batch, *fields: str) -> Write:
        return records.updated(one, *fields)

    def _removed(self, one: Batch) -> Write:
        return records.removed(one)

    async def close(self) -> None:
        """End all batches: a server that is told to end leaves nothing running."""
        for batch in self.all:
            await self.end(batch, BatchState.KILLED, "The Livy server was stopped.")
        await self._background.finished()
