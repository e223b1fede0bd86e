"""The sessions: who has which, how they begin and end, and what their drivers say of it.

What runs in them is in `statements.py`, what is asked of drivers beside in `talk.py`.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from hopyard import log
from hopyard.errors import TooMany, Unavailable
from hopyard.livy import conf, owned, rows, sharing, warm
from hopyard.livy.access import Caller
from hopyard.livy.logfile import say
from hopyard.livy.records import Session
from hopyard.livy.requests import CreateSession
from hopyard.livy.sharing import SharedApplications
from hopyard.livy.statements import break_off, check_working, execute
from hopyard.mask import Mask
from hopyard.protocol.messages import GONE, Cancel, Shutdown
from hopyard.protocol.states import SessionState, StatementState
from hopyard.store.types import now

KEEP = "hopyard.session.keep"

_log = log.get(__name__)


class Sessions(SharedApplications):
    """All sessions of this server."""

    # --- what clients do -------------------------------------------------------------------------

    async def create(
        self, caller: Caller, request: CreateSession, key: str | None = None
    ) -> Session:
        """Make a session and begin to start its driver, or take one that is there for this.

        Args:
            caller: who asks.
            request: what for.
            key: what the client calls this request; one that came before makes nothing again.

        Raises:
            InvalidInput: the request asks for what is not allowed, or the name is taken; or another
                request had the key.
            NotAllowed: `proxyUser` is not the caller's to give.
            TooMany: the user or the project has as many sessions as are allowed.
        """
        make = partial(self._create, caller, request, key)
        return await self._made_once(caller, key, request, make)

    async def _create(self, caller: Caller, request: CreateSession, key: str | None) -> Session:
        self._check(caller, request)
        if request.share is None or warm.asked(request):
            return await self._make(caller, request, key, None)
        async with self._naming_lock(caller, request.share):
            mate = sharing.find(self._working(caller), caller, request.share)
            return await self._make(caller, request, key, self.leader(mate) if mate else None)

    async def _make(
        self, caller: Caller, request: CreateSession, key: str | None, leader: Session | None
    ) -> Session:
        mine = self._working(caller)
        owned.check_name(caller, request.name, mine)
        if leader is not None:
            self._check_same(leader, request)
        elif waiting := warm.find(mine, caller, request):
            return (
                waiting if warm.asked(request) else await self._take(waiting, caller, request, key)
            )
        if warm.asked(request):
            self._give_back(caller, mine)
        self._make_room(caller)
        session = Session(
            id=0,
            project=caller.project,
            owner=caller.user,
            request=request,
            created=now(),
            state=SessionState.STARTING,
            server=self._lives_with(caller, request),
            idempotency_key=key,
            leader=leader.id if leader else None,
        )
        await self._write_new(session, rows.insert_session(session))
        (self.join if leader else self.launch)(session)
        return session

    def _give_back(self, caller: Caller, mine: Iterable[Session]) -> None:
        """End what waits for a Jupyter server that asks for another driver now."""
        for one in mine:
            if caller.server and one.server == caller.server and warm.waits(one):
                why = "Its Jupyter server asked for another configuration."
                self._background.spawn(self.end(one, SessionState.KILLED, why))

    def _make_room(self, caller: Caller) -> None:
        """See that one more session is allowed; one that only waits gives its place."""
        limits = self._settings.livy
        try:
            self._check_room(
                caller,
                per_user=limits.sessions_per_user,
                per_project=limits.sessions_per_project,
            )
        except TooMany:
            for one in self._working(caller):
                if one.project == caller.project and warm.waits(one):
                    why = "Its place was needed for another session."
                    self._background.spawn(self.end(one, SessionState.KILLED, why))
                    return
            raise

    async def _take(
        self, session: Session, caller: Caller, request: CreateSession, key: str | None
    ) -> Session:
        """Give a warm session to the one who asks for its like."""
        before = session.request
        session.request = request  # at once, so that nobody else takes it too
        session.idempotency_key = key
        session.server, session.server_started = self._lives_with(caller, request), None
        session.created, session.made = now(), time.monotonic()
        try:
            await self.ledger.write(rows.update_request(session))
        except Unavailable:
            session.request, session.idempotency_key = before, None
            raise
        self.touch(session)
        return session

    @staticmethod
    def _lives_with(caller: Caller, request: CreateSession) -> str | None:
        """Return the Jupyter server with which a session ends."""
        return None if request.conf_texts().get(KEEP) == "true" else caller.server

    def _listed(self) -> Iterable[Session]:
        """Return those that a list may show: not those that wait to be taken."""
        return [one for one in self._all.values() if not warm.waits(one)]

    def get(self, caller: Caller, key: str) -> Session:
        """Return one session by id or name; to its owner's client it is a sign of life.

        Raises:
            NotFound: there is none, or it is somebody else's.
        """
        session = super().get(caller, key)
        if session.owner == caller.user:
            session.seen = time.monotonic()
        return session

    async def delete(self, session: Session) -> None:
        """End a session and forget it."""
        session.deleted = True
        if session.over:
            await self._forget(session)
        else:
            await self.end(session, SessionState.KILLED, "The session was deleted.")

    def project_path(self, session: Session, path: str) -> str:
        """Return how a session's driver sees a path that its owner named.

        Raises:
            InvalidInput: it is on this machine and outside the project.
        """
        return conf.seen_path(path, self._launcher, self._project_folder(session.project))

    async def uploads(self, session: Session) -> tuple[Path, str]:
        """Return the folder of a session's uploaded files: here, and as its driver sees it.

        Raises:
            Conflict: the session is over.
        """
        # The launcher makes the folders of a driver anew.
        async with self.leader(session).driving:
            check_working(session)
            return self._launcher.uploads(session.place)

    @staticmethod
    def touch(session: Session) -> None:
        """Somebody uses this session: the time limits begin anew."""
        session.used = session.seen = time.monotonic()

    # --- what drivers do (livy/channel.py) -------------------------------------------------------

    def of_driver(self, key: int) -> Session | None:
        """Return the session whose driver calls, None when it is over or was never there."""
        session = self._all.get(key)
        return None if session is None or session.over else session

    def is_gone(self, session: Session) -> bool:
        """Say whether a driver has nothing to do here any more."""
        return self.of_driver(session.id) is None

    def mask(self, session: Session) -> Mask:
        """Return what hides the secrets that a session's application has read.

        Not kept on any disk: a driver says them again to a server that was started again.
        """
        return self._masks.setdefault(session.application, Mask())

    def hide(self, session: Session, *secrets: str) -> None:
        """Hide values from now on where a session's application is shown."""
        mask = self.mask(session)
        for secret in secrets:
            mask.add(secret)

    def dialled(self, session: Session, unfinished: list[int]) -> None:
        """A driver is connected: bring it up to date.

        Args:
            session: whose driver.
            unfinished: the statements that it runs or will run.
        """
        if session.state is SessionState.RECOVERING:
            session.say("The driver is connected again")
            session.move(SessionState.IDLE if session.app_id else SessionState.STARTING)
            session.settle()
        self._invite(session)
        for statement in session.live.values():
            session.send(execute(statement))
            if statement.state is StatementState.CANCELLING:
                session.send(Cancel(statement=statement.id))
        for key in unfinished:
            if key not in session.live:  # cancelled while the driver could not be told
                session.send(Cancel(statement=key))

    @staticmethod
    def missing(session: Session, seconds: float) -> None:
        """Show that a driver has not been heard of; it dials again, or is found dead."""
        session.say(f"No connection to the driver for {seconds:g} s; waiting for it to dial again")
        session.move(SessionState.RECOVERING)

    def hung_up(self, session: Session) -> None:
        """A driver's connection ended."""
        session.launched = time.monotonic()
        self.lost.set()

    def driver_said_end(self, session: Session, reason: str) -> None:
        """A driver said that it ends."""
        state = SessionState.DEAD if session.app_id else SessionState.ERROR
        self._background.spawn(self.end(session, state, reason))

    # --- beginning and ending --------------------------------------------------------------------

    async def end(self, session: Session, state: SessionState, reason: str) -> None:
        """End a session for good, with the reason that its owner reads."""
        if session.over or not session.move(state):
            return
        session.reason, session.ended, session.stopped = reason, now(), time.monotonic()
        _log.info("session over", session=session.id, state=state.value, reason=reason)
        writes = [break_off(session, one) for one in list(session.live.values())]
        session.send(Shutdown(reason=reason))
        if session.line is not None:
            session.line.close(GONE)
        say(self.log_file(session), f"Session {session.id} is over: {reason}")
        session.news.tell()
        writes.append(rows.update_session(session, "state", "reason", "ended", "deleted"))
        try:
            await self.ledger.write(*writes)
        except Unavailable:
            # It is over all the same; after a restart it is found dead again.
            _log.error("the end of a session was not written down", session=session.id)
        if session.line is None:
            await self._lead_on(session, state, reason)
        self.finish_later(session)

    async def close(self) -> None:
        """End all sessions: a server that is told to end leaves nothing running.

        (One that is killed leaves its drivers running: they dial home to the next.)
        """
        self._stopping = True
        for session in self.all:
            await self.end(session, SessionState.KILLED, "The Livy server was stopped.")
        await self._background.finished()
