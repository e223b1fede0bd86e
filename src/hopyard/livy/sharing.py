"""Sessions that share one Spark application: several of one user in one project, in one driver.

POST /sessions with `hopyard.session.share` = NAME in its `conf` joins the application of that name,
or starts it. Each session has its own interpreters and its own SparkSession in it, its own line to
this server, its own statements, limits and end.

- The session that started the driver is the *leader*: the process, its folder and its log bear its
  number. Its record stays, out of sight, while others need it.
- One that joins waits until a session of the application has a line: over it the driver is told to
  open a room. It is told again by each that dials, until the room was heard of. The secret of such
  a room is derived, so that also the next server process can say it.
- The process is stopped with the last session. When the process ends, so do all in it.
- Who waited for an application that ended without a fault starts one of its own.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import secrets
import time
from abc import abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar
from weakref import WeakValueDictionary

from hopyard import log
from hopyard.errors import HopyardError, InvalidInput, Unavailable
from hopyard.launchers.base import Launcher, Order
from hopyard.livy import conf, owned, rows, warm
from hopyard.livy.access import Caller
from hopyard.livy.applications import Applications
from hopyard.livy.ledger import Ledger, Write
from hopyard.livy.records import Line, Session
from hopyard.livy.requests import MEMORY, SHARE, CreateSession
from hopyard.livy.views import Addresses
from hopyard.protocol.messages import DriverConfig, Join, RoomConfig
from hopyard.protocol.resources import megabytes
from hopyard.protocol.states import SessionState
from hopyard.settings import Settings

FAREWELL = 5.0
"""Seconds that the line of a session that is over has to close by itself."""
_NAME = "spark.app.name"
_SECRET = re.compile("secret|password|token|access[.]?key|credential", re.IGNORECASE)
"""Of properties whose values are not said; as Spark's own, and more."""
_log = log.get(__name__)


def hash_of(secret: str) -> str:
    """Return what is kept of a driver's secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def find(sessions: Iterable[Session], caller: Caller, name: str) -> Session | None:
    """Return a session of the caller's in the application of this name."""
    for one in sessions:
        mine = (one.project, one.owner) == (caller.project, caller.user)
        ending = one.over or one.state is SessionState.SHUTTING_DOWN
        if mine and one.request.share == name and not ending and not warm.waits(one):
            return one
    return None


class SharedApplications(Applications[Session]):
    """The Spark applications of all sessions.

    Args:
        settings: limits and folders.
        ledger: where everything is written down.
        launcher: starts and stops drivers.
        addresses: where browsers find a session.
        driver_url: where drivers dial home, ends with a slash.
        key: makes each session's secret for its Spark UI.
        platform: whether the administrator decides where Spark runs.
    """

    what: ClassVar[str] = "sessions"

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        launcher: Launcher,
        addresses: Addresses,
        driver_url: str,
        key: bytes,
        *,
        platform: bool,
    ) -> None:
        super().__init__(settings, ledger, launcher, addresses, key, platform=platform)
        self._driver_url = driver_url
        self.lost = asyncio.Event()
        """Set when a driver's connection ended: somebody should look why."""
        self._naming: WeakValueDictionary[tuple[str, str, str], asyncio.Lock]
        self._naming = WeakValueDictionary()
        self._stopping = False
        """Whether this server ends all of them."""

    @property
    def output_limit(self) -> int:
        """Characters of one statement's output."""
        return self._settings.livy.output_limit

    @property
    def server(self) -> str:
        """What drivers know this server by, over its restarts and moves; no secret."""
        return hmac.new(self._key, b"server", hashlib.sha256).hexdigest()[:16]

    def leader(self, session: Session) -> Session:
        """Return the session that has the process of a session's application."""
        return self._all.get(session.application, session)

    def together(self, session: Session) -> list[Session]:
        """Return the sessions of an application that are not over."""
        number = session.application
        return [one for one in self._all.values() if one.application == number and not one.over]

    def in_application(self, caller: Caller, key: str) -> Session:
        """Return a session by id or name, or one that works in the application of this number.

        Raises:
            NotFound: there is none, or it is somebody else's.
        """
        for one in self._all.values():
            if str(one.application) == key and not one.over and owned.sees(caller, one):
                return one
        return self.get(caller, key)

    def log_file(self, one: Session) -> Path:
        """Return the file of a session's driver, which may be that of others too."""
        return self._log_file(one, one.application)

    # --- starting --------------------------------------------------------------------------------

    def launch(self, session: Session) -> None:
        """Begin to start a session's driver."""
        session.launched = time.monotonic()
        self._background.spawn(self._launch(session))

    async def _launch(self, session: Session) -> None:
        secret = secrets.token_urlsafe(32)
        session.secret_hash = hash_of(secret)
        name = session.request.name or f"{session.project}: session {session.id}"
        start = self._spark_conf(
            session,
            session.request,
            name,
            self.addresses.ui_base(session.project, session.id),
        )
        room = self._room(session, secret)
        config = DriverConfig(**dict(room), name=start["conf"]["spark.app.name"], **start)
        try:
            async with session.driving:
                if session.over:
                    return
                await self.ledger.write(rows.update_session(session, "secret_hash"))
                user = session.request.proxyUser or session.owner
                order = Order(session.project, config, self.log_file(session), user)
                session.process = await self._launcher.start(order)
                await self.ledger.write(rows.update_session(session, "process"))
        except HopyardError as error:
            await self.end(session, SessionState.ERROR, str(error))

    def _room(self, session: Session, secret: str) -> RoomConfig:
        return RoomConfig(
            session=session.id,
            url=f"{self._driver_url}{session.id}",
            server=self.server,
            secret=secret,
            kind=session.kind,
            warm=warm.kinds(session.request),
            orphan_timeout=self._settings.livy.orphan_timeout,
            output_limit=self.output_limit,
        )

    # --- joining ---------------------------------------------------------------------------------

    def _naming_lock(self, caller: Caller, name: str) -> asyncio.Lock:
        """Return what two requests at once with the same new name wait for."""
        return self._naming.setdefault((caller.project, caller.user, name), asyncio.Lock())

    def _check_same(self, leader: Session, request: CreateSession) -> None:
        """See that a request asks for nothing that an application does not have.

        Raises:
            InvalidInput: it does; the sentence names each difference.
        """
        has = self._properties(leader, leader.request, None, "")
        differences = [
            _difference(key, has.get(key, "(not set)"), wanted)
            for key, wanted in conf.asked(request).items()
            if key != _NAME and not _is_same(has.get(key), wanted)
        ]
        if request.proxyUser != leader.request.proxyUser:
            differences.append(f"proxyUser {leader.request.proxyUser}, not {request.proxyUser}")
        folder = self._project_folder(leader.project)
        loaded = conf.paths(leader.request, self._launcher, folder)
        for field, paths in conf.paths(request, self._launcher, folder).items():
            if missing := [path for path in paths if path not in loaded[field]]:
                differences.append(f"without {', '.join(missing)} in {field}")
        if differences:
            raise InvalidInput(
                f"Rejected, Reason: the shared application '{request.share}' runs with "
                f"{'; '.join(differences)}. Leave this out to share it, or take another name "
                f"for {SHARE}.",
                "conf",
            )

    def join(self, session: Session) -> None:
        """Begin to let a session into its leader's application."""
        session.say(f"Joining the Spark application of session {session.application}")
        self._background.spawn(self._join(session))

    async def _join(self, session: Session) -> None:
        session.secret_hash = hash_of(self._join_secret(session))
        try:
            await self.ledger.write(rows.update_session(session, "secret_hash"))
        except Unavailable as error:
            await self.end(session, SessionState.ERROR, str(error))
            return
        if session.over:
            return
        for one in self.together(session):
            if one.line is not None:
                one.send(self._invitation(session))
                return
        await self._lead_on(session, SessionState.KILLED, "")

    def _invite(self, host: Session) -> None:
        """Tell a driver that dialled whom else it is to let in."""
        for one in self.together(host):
            if one.waits_to_join and one.secret_hash:
                host.send(self._invitation(one))

    def _invitation(self, session: Session) -> Join:
        return Join(room=self._room(session, self._join_secret(session)))

    def _join_secret(self, session: Session) -> str:
        return hmac.new(self._key, f"room:{session.id}".encode(), hashlib.sha256).hexdigest()

    # --- its end ---------------------------------------------------------------------------------

    @abstractmethod
    async def end(self, session: Session, state: SessionState, reason: str) -> None:
        """End a session for good."""

    async def driver_ended(self, session: Session, reason: str) -> None:
        """End all sessions of an application whose process is gone."""
        for one in self.together(session):
            if not one.waits_to_join:
                state = SessionState.DEAD if one.app_id else SessionState.ERROR
                await self.end(one, state, reason)
        await self._lead_on(session, SessionState.ERROR, reason)

    async def _lead_on(self, session: Session, state: SessionState, reason: str) -> None:
        """Look after those who wait for an application in which nobody is any more.

        Args:
            session: one of the application.
            state: how its last session ended.
            reason: why.
        """
        left = [one for one in self.together(session) if one.id > 0]
        if self._stopping or not left or not all(one.waits_to_join for one in left):
            return
        leader = self.leader(session)
        if state is not SessionState.KILLED and leader.app_id is None:
            for one in left:  # it never ran, and would not for them
                await self.end(one, state, reason)
            return
        first, *others = left
        first.leader = None
        for one in others:
            one.leader = first.id
        self.launch(first)
        try:
            await self.ledger.write(*[rows.update_session(one, "leader") for one in left])
        except Unavailable:
            # After a restart they are found waiting for the old one, and led on again.
            _log.error("a new leader was not written down", session=first.id)
        self.finish_later(leader)

    async def _finish(self, one: Session) -> None:
        """Stop the driver with its last session, then forget what was deleted."""
        leader = self.leader(one)
        if one is not leader:
            if one.line is not None:
                await self._hang_up(one.line)
            if one.deleted:
                await self.ledger.write(self._removed(one))
                self._all.pop(one.id, None)
        if not self.together(one):
            await super()._finish(leader)

    @staticmethod
    async def _hang_up(line: Line) -> None:
        """Wait until nothing more of a driver is written down: the session's row may go then."""
        try:
            async with asyncio.timeout(FAREWELL):
                await line.closed()
        except TimeoutError:
            await line.drop()

    def _updated(self, one: Session, *fields: str) -> Write:
        return rows.update_session(one, *fields)

    def _removed(self, one: Session) -> Write:
        return rows.delete_session(one.id)


def _difference(key: str, has: str, wanted: str) -> str:
    if _SECRET.search(key):
        return f"another {key}"
    return f"{conf.FIELDS.get(key, key)} {has}, not {wanted}"


def _is_same(has: str | None, wanted: str) -> bool:
    """Compare two values of a property; sizes by what they mean."""
    if has is not None and MEMORY.match(has) and MEMORY.match(wanted):
        return megabytes(has) == megabytes(wanted)
    return has == wanted
