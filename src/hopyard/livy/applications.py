"""What sessions and batches have in common: each is one application, in a process of its own.

One server process has all of them in memory, and the tables are what it restarts from. Methods that
answer a client check the owner first: what is not one's own is not there.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from hopyard.errors import Conflict, TooMany
from hopyard.launchers.base import Launcher, Process
from hopyard.livy import conf, impersonation, owned
from hopyard.livy.access import Caller
from hopyard.livy.background import Background
from hopyard.livy.ledger import Ledger, Write
from hopyard.livy.once import Once, check_same
from hopyard.livy.requests import AskSpark
from hopyard.livy.views import Addresses
from hopyard.mask import Mask
from hopyard.settings import Settings

KEYS = 10_000


class Application(owned.Owned, Protocol):
    """A session or a batch."""

    process: Process | None
    idempotency_key: str | None
    driving: asyncio.Lock
    """Held while its process is started, and while it is stopped: never both."""

    @property
    def place(self) -> str:
        """The name of its process's folder."""


One = TypeVar("One", bound=Application)


class Applications(ABC, Generic[One]):
    """All sessions, or all batches, of this server.

    Args:
        settings: limits and folders.
        ledger: where everything is written down.
        launcher: starts and stops their processes.
        addresses: where browsers find one.
        key: makes the secret of each one's Spark UI.
        platform: whether the administrator decides where Spark runs.
    """

    what: ClassVar[str]
    """What they are called, in words and in folders."""

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
        self.ledger = ledger
        self._launcher = launcher
        self.addresses = addresses
        self._key = key
        self._platform = platform
        self._all: dict[int, One] = {}
        self._background = Background()
        self._once: Once[One] = Once(KEYS)
        self._masks: dict[int, Mask] = {}

    # --- whose they are --------------------------------------------------------------------------

    @property
    def all(self) -> list[One]:
        """Every one that is written down, also those that are over or deleted."""
        return [one for one in self._all.values() if one.id > 0]

    def adopt(self, one: One) -> None:
        """Take one from the tables (after a restart)."""
        self._all[one.id] = one
        if one.idempotency_key:
            self._once.knows((one.project, one.owner, one.idempotency_key), one.id)

    def visible(self, caller: Caller, *, everybody: bool = False) -> list[One]:
        """Return the caller's own; those of everybody else only where asked for.

        Clients end all that they can list (`%%cleanup -f`), so an administrator has to say so.

        Raises:
            NotAllowed: everybody's are asked for by one who may not see them.
        """
        return owned.visible(caller, self._listed(), self.what, everybody=everybody)

    def get(self, caller: Caller, key: str) -> One:
        """Return one by id or name; a name is of one's own.

        Raises:
            NotFound: there is none, or it is somebody else's.
        """
        return owned.find(caller, self._all, lambda: self.visible(caller), key)

    def _listed(self) -> Iterable[One]:
        """Return those that a list may show."""
        return self.all

    # --- what may be made ------------------------------------------------------------------------

    def _check(self, caller: Caller, request: AskSpark) -> None:
        """See that what is asked for is the caller's to have.

        Raises:
            InvalidInput: the request asks for what is not allowed.
            NotAllowed: `proxyUser` is not the caller's to give.
        """
        conf.check(request, self._settings, platform=self._platform)
        impersonation.check(caller, request.proxyUser, self._settings.livy)
        conf.paths(request, self._launcher, self._project_folder(caller.project))

    def _working(self, caller: Caller) -> list[One]:
        return [one for one in self._all.values() if not one.over and one.owner == caller.user]

    def _check_room(self, caller: Caller, *, per_user: int, per_project: int) -> None:
        """See that one more may run.

        Raises:
            TooMany: the user or the project has as many as are allowed.
        """
        mine = len(self._working(caller))
        theirs = sum(one.project == caller.project and not one.over for one in self._all.values())
        if mine >= per_user:
            raise TooMany(f"Rejected, Reason: {mine} {self.what} are running, no more allowed.")
        if theirs >= per_project:
            raise TooMany(
                f"Rejected, Reason: {theirs} {self.what} are running in this project, "
                "no more allowed."
            )

    async def _made_once(
        self,
        caller: Caller,
        key: str | None,
        request: AskSpark,
        make: Callable[[], Coroutine[Any, Any, One]],
    ) -> One:
        """Return what a request makes, or what it made when it came before with this key.

        Raises:
            InvalidInput: another request had the key.
            Conflict: what it made is gone.
        """
        whole = (caller.project, caller.user, key) if key else None
        found = await self._once.get(whole, make, self._made)
        if key:
            check_same(found.request, request)
        return found

    async def _made(self, number: int) -> One:
        found = self._all.get(number)
        if found is None or found.deleted:
            raise Conflict(f"What this Idempotency-Key made (number {number}) was deleted.")
        return found

    async def _write_new(self, one: One, write: Write) -> None:
        """Write one down, which gives it its id.

        It has a place meanwhile, so that two requests at once do not share a name.
        """
        place = -id(one)
        self._all[place] = one
        try:
            keys = await self.ledger.write(write)
        finally:
            del self._all[place]
        one.id = int(keys[0][0])
        self._all[one.id] = one

    # --- its end ---------------------------------------------------------------------------------

    @abstractmethod
    def _updated(self, one: One, *fields: str) -> Write:
        """Write some fields of one down."""

    @abstractmethod
    def _removed(self, one: One) -> Write:
        """Remove one from the tables."""

    async def _forget(self, one: One) -> None:
        """Remove one that is over."""
        await self.ledger.write(self._updated(one, "deleted"))
        self.finish_later(one)

    def finish_later(self, one: One) -> None:
        """Stop what is left of one that is over."""
        self._background.spawn(self._finish(one))

    async def _finish(self, one: One) -> None:
        """Make sure that nothing of a process is left, then forget what was deleted."""
        async with one.driving:
            if one.process is not None:
                await self._launcher.stop(one.process)
                one.process = None
            await self._launcher.clean(one.place)
            if one.deleted:
                await self.ledger.write(self._removed(one))
                self._all.pop(one.id, None)
            else:
                await self.ledger.write(self._updated(one, "process"))

    # --- what belongs to it ----------------------------------------------------------------------

    def _spark_conf(
        self, one: One, request: AskSpark, name: str | None, ui_base: str
    ) -> dict[str, Any]:
        """Return the properties, jars and files that its process is started with."""
        files = conf.paths(request, self._launcher, self._project_folder(one.project))
        return {
            "conf": self._properties(one, request, name, ui_base),
            "jars": files["jars"],
            "py_files": files["pyFiles"],
            "files": files["files"],
            "archives": files["archives"],
        }

    def _properties(
        self, one: One, request: AskSpark, name: str | None, ui_base: str
    ) -> dict[str, str]:
        return conf.spark_conf(
            request,
            self._settings,
            app_name=name,
            ui_base=ui_base,
            ui_secret=self.ui_secret(one),
        )

    def ui_secret(self, one: One) -> bytes:
        """Return the key with which requests to its Spark UI are signed.

        Derived, not stored: whoever reads the database cannot make one.
        """
        return hmac.new(self._key, f"spark-ui:{one.place}".encode(), hashlib.sha256).digest()

    def log_file(self, one: One) -> Path:
        """Return the file of its process's stdout and stderr."""
        return self._log_file(one, one.id)

    def _log_file(self, one: One, number: int) -> Path:
        folder = self._settings.user_logs(one.project, one.owner or "anonymous")
        return folder / self.what / str(number) / "driver.log"

    def _project_folder(self, project: str) -> str:
        return str(self._settings.projects_dir / project)
