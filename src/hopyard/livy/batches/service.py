"""The batches: who has which, how they begin and end.

As with sessions, one server process has all of them in memory, and the table is what it restarts
from; what is not one's own is not there. `watch.py` finds out what they do by themselves.
"""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

from hopyard import log
from hopyard.errors import HopyardError, InvalidInput, TooMany, Unavailable
from hopyard.launchers.base import Launcher, Order
from hopyard.livy import conf, impersonation, owned
from hopyard.livy.access import Caller
from hopyard.livy.background import Background
from hopyard.livy.batches import records
from hopyard.livy.batches.records import Batch
from hopyard.livy.ledger import Ledger
from hopyard.livy.logfile import say
from hopyard.livy.requests import CreateBatch
from hopyard.livy.views import Addresses
from hopyard.protocol.messages import BatchConfig
from hopyard.protocol.states import BatchState
from hopyard.settings import Settings
from hopyard.store.types import now

_log = log.get(__name__)


class Batches:
    """All batches of this server.

    Args:
        settings: limits and folders.
        ledger: where everything is written down.
        launcher: starts and stops their processes.
        addresses: where browsers find a batch.
        key: makes each batch's secret for its Spark UI.
        platform: whether the administrator decides where Spark runs.
    """

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        launcher: Launcher,
        addresses: Addresses,
        key: bytes,
        *,
        platform: bool,
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._launcher = launcher
        self.addresses = addresses
        self._key = key
        self._platform = platform
        self._all: dict[int, Batch] = {}
        self._background = Background()

    async def create(self, caller: Caller, request: CreateBatch) -> Batch:
        """Make a batch and begin to start its application.

        Raises:
            InvalidInput: the request asks for what is not allowed, or the name is taken.
            NotAllowed: `proxyUser` is not the caller's to give.
            TooMany: the user or the project has as many batches as are allowed.
        """
        if not request.file:
            raise InvalidInput("Rejected, Reason: requirement failed: File is required.", "file")
        conf.check(request, self._settings, platform=self._platform)
        impersonation.check(caller, request.proxyUser, self._settings.livy)
        folder = self._project_folder(caller.project)
        conf.seen_path(request.file, self._launcher, folder)
        conf.paths(request, self._launcher, folder)
        running = [one for one in self._all.values() if not one.over]
        mine = [one for one in running if one.owner == caller.user]
        if len(mine) >= self._settings.livy.batches_per_user:
            raise TooMany(f"Rejected, Reason: {len(mine)} batches are running, no more allowed.")
        theirs = sum(one.project == caller.project for one in running)
        if theirs >= self._settings.livy.batches_per_project:
            raise TooMany(
                f"Rejected, Reason: {theirs} batches are running in this project, no more allowed."
            )
        owned.check_name(caller, request.name, mine)
        batch = Batch(0, caller.project, caller.user, request, now())
        # Held here while it is written, so that two requests at once do not share a name.
        place = -id(batch)
        self._all[place] = batch
        try:
            keys = await self._ledger.write(records.inserted(batch))
        finally:
            del self._all[place]
        batch.id = int(keys[0][0])
        self._all[batch.id] = batch
        self.launch(batch)
        return batch

    def visible(self, caller: Caller, *, everybody: bool = False) -> list[Batch]:
        """Return the caller's batches; those of everybody else only where asked for.

        Raises:
            NotAllowed: everybody's are asked for by one who may not see them.
        """
        return owned.visible(caller, self.all, "batches", everybody=everybody)

    def get(self, caller: Caller, key: str) -> Batch:
        """Return one batch by id or name; a name is of one's own batches.

        Raises:
            NotFound: there is none, or it is somebody else's.
        """
        return owned.find(caller, self._all, self.visible(caller), key)

    async def delete(self, batch: Batch) -> None:
        """Kill a batch if it runs, and forget it."""
        batch.deleted = True
        if batch.over:
            await self._ledger.write(records.updated(batch, "deleted"))
            self.finish_later(batch)
        else:
            await self.end(batch, BatchState.KILLED, "The batch was deleted.")

    # --- beginning and ending --------------------------------------------------------------------

    @property
    def all(self) -> list[Batch]:
        """Every batch, also those that are over or deleted."""
        return [one for one in self._all.values() if one.id > 0]

    def adopt(self, batch: Batch) -> None:
        """Take a batch from the table (after a restart)."""
        self._all[batch.id] = batch

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
                await self._ledger.write(records.updated(batch, "process"))
                await self._launcher.release(batch.process)
        except HopyardError as error:
            await self.end(batch, BatchState.DEAD, str(error))

    def _config(self, batch: Batch) -> BatchConfig:
        request = batch.request
        folder = self._project_folder(batch.project)
        files = conf.paths(request, self._launcher, folder)
        properties = conf.spark_conf(
            request,
            self._settings,
            app_name=request.name,
            ui_base=self.addresses.batch_ui_base(batch.project, batch.id),
            ui_secret=self.ui_secret(batch),
        )
        return BatchConfig(
            batch=batch.id,
            file=conf.seen_path(request.file or "", self._launcher, folder),
            class_name=request.className,
            args=request.args_texts(),
            conf=properties,
            jars=files["jars"],
            py_files=files["pyFiles"],
            files=files["files"],
            archives=files["archives"],
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
            await self._ledger.write(records.updated(batch, *fields))
        except Unavailable:
            # It is over all the same; after a restart it is found so again.
            _log.error("the end of a batch was not written down", batch=batch.id)
        self.finish_later(batch)

    async def _finish(self, batch: Batch) -> None:
        """Make sure that nothing of a batch is left, then forget what was deleted."""
        async with batch.driving:
            if batch.process is not None:
                await self._launcher.stop(batch.process)
                batch.process = None
            await self._launcher.clean(batch.place)
            if batch.deleted:
                await self._ledger.write(records.removed(batch))
                self._all.pop(batch.id, None)
            else:
                await self._ledger.write(records.updated(batch, "process"))

    def finish_later(self, batch: Batch) -> None:
        """Stop what is left of a batch that is over."""
        self._background.spawn(self._finish(batch))

    def ui_secret(self, batch: Batch) -> bytes:
        """Return the key with which requests to a batch's Spark UI are signed; derived."""
        return hmac.new(self._key, f"spark-ui:batch-{batch.id}".encode(), hashlib.sha256).digest()

    def log_file(self, batch: Batch) -> Path:
        """Return the file of a batch's stdout and stderr."""
        folder = self._settings.user_logs(batch.project, batch.owner or "anonymous")
        return folder / "batches" / str(batch.id) / "driver.log"

    def _project_folder(self, project: str) -> str:
        return str(self._settings.projects_dir / project)

    async def close(self) -> None:
        """End all batches: a server that is told to end leaves nothing running."""
        for batch in self.all:
            await self.end(batch, BatchState.KILLED, "The Livy server was stopped.")
        await self._background.finished()
