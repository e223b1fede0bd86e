"""The sessions: who has which, what runs in them, how they begin and end.

One server process has all sessions that are not over in memory (`records.py`); the tables are what
it restarts from. Methods that answer a client check the owner first: what is not one's own is not
there.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from hopyard import log
from hopyard.errors import (
    Conflict,
    HopyardError,
    InvalidInput,
    NotFound,
    TooMany,
    Unavailable,
)
from hopyard.launchers.base import Launcher, Order
from hopyard.livy import conf, impersonation, outputs, owned, rows, warm
from hopyard.livy.access import Caller
from hopyard.livy.background import Background
from hopyard.livy.ledger import Ledger, Write
from hopyard.livy.logfile import say
from hopyard.livy.records import Event, Session, Statement
from hopyard.livy.requests import AskCompletion, AskInspection, CreateSession, RunStatement
from hopyard.livy.transfers import Transfers
from hopyard.livy.views import Addresses
from hopyard.protocol.messages import (
    GONE,
    Answer,
    Cancel,
    Complete,
    DriverConfig,
    Execute,
    Input,
    Inspect,
    Shutdown,
)
from hopyard.protocol.states import Kind, SessionState, StatementState
from hopyard.settings import Settings
from hopyard.store.types import now

ASK_SECONDS = 5.0
"""How long a driver has to answer about completions."""
LISTENER_SECONDS = 3.0
"""How long a statement that asks for input waits for somebody who watches it."""
UNHEARD = "nobody watches its events (a plain Livy client cannot answer)"
KEEP = "hopyard.session.keep"

_log = log.get(__name__)


def hash_of(secret: str) -> str:
    """Return what is kept of a driver's secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


class Sessions:
    """All sessions of this server.

    Args:
        settings: limits and folders.
        ledger: where everything is written down.
        launcher: starts and stops drivers.
        addresses: where browsers find a session.
        driver_url: where drivers dial home, ends with a slash.
        key: makes each session's secret for its Spark UI.
        platform: whether the administrator decides where Spark runs.
    """

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
        self._settings = settings
        self.ledger = ledger
        self._launcher = launcher
        self.addresses = addresses
        self._driver_url = driver_url
        self._key = key
        self._platform = platform
        self._all: dict[int, Session] = {}
        self._asked: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._background = Background()
        self.transfers = Transfers()
        self.lost = asyncio.Event()
        """Set when a driver's connection ended: somebody should look why."""

    # --- what clients do -------------------------------------------------------------------------

    async def create(self, caller: Caller, request: CreateSession) -> Session:
        """Make a session and begin to start its driver, or take one that waits for this.

        Raises:
            InvalidInput: the request asks for what is not allowed, or the name is taken.
            NotAllowed: `proxyUser` is not the caller's to give.
            TooMany: the user or the project has as many sessions as are allowed.
        """
        conf.check(request, self._settings, platform=self._platform)
        impersonation.check(caller, request.proxyUser, self._settings.livy)
        conf.paths(request, self._launcher, self._project_folder(caller.project))
        mine = self._working(caller)
        owned.check_name(caller, request.name, mine)
        if waiting := warm.find(mine, caller, request):
            return waiting if warm.asked(request) else await self._take(waiting, caller, request)
        self._make_room(caller)
        session = Session(
            id=0,
            project=caller.project,
            owner=caller.user,
            request=request,
            created=now(),
            state=SessionState.STARTING,
            server=self._lives_with(caller, request),
        )
        # Held here while it is written, so that two requests at once do not share a name.
        place = -id(session)
        self._all[place] = session
        try:
            keys = await self.ledger.write(rows.insert_session(session))
        finally:
            del self._all[place]
        session.id = int(keys[0][0])
        self._all[session.id] = session
        self.launch(session)
        return session

    def _working(self, caller: Caller) -> list[Session]:
        return [one for one in self._all.values() if not one.over and one.owner == caller.user]

    def _make_room(self, caller: Caller) -> None:
        """See that one more session is allowed; one that only waits gives its place."""
        mine, limits = self._working(caller), self._settings.livy
        theirs = sum(one.project == caller.project and not one.over for one in self._all.values())
        full = len(mine) >= limits.sessions_per_user or theirs >= limits.sessions_per_project
        waiting = next(
            (one for one in mine if one.project == caller.project and warm.waits(one)), None
        )
        if full and waiting is not None:
            why = "Its place was needed for another session."
            self._background.spawn(self.end(waiting, SessionState.KILLED, why))
            return
        if len(mine) >= limits.sessions_per_user:
            raise TooMany(f"Rejected, Reason: {len(mine)} sessions are running, no more allowed.")
        if theirs >= limits.sessions_per_project:
            raise TooMany(
                f"Rejected, Reason: {theirs} sessions are running in this project, no more allowed."
            )

    async def _take(self, session: Session, caller: Caller, request: CreateSession) -> Session:
        """Give a warm session to the one who asks for its like."""
        before = session.request
        session.request = request  # at once, so that nobody else takes it too
        session.server, session.server_started = self._lives_with(caller, request), None
        session.created, session.made = now(), time.monotonic()
        try:
            await self.ledger.write(rows.update_request(session))
        except Unavailable:
            session.request = before
            raise
        self.touch(session)
        return session

    @staticmethod
    def _lives_with(caller: Caller, request: CreateSession) -> str | None:
        """Return the Jupyter server with which a session ends."""
        return None if request.conf_texts().get(KEEP) == "true" else caller.server

    def visible(self, caller: Caller, *, everybody: bool = False) -> list[Session]:
        """Return the caller's sessions; those of everybody else only where asked for.

        Those that wait to be taken nobody sees.
        Clients end all that they can list (`%%cleanup -f`), so an administrator has to say so.

        Raises:
            NotAllowed: everybody's are asked for by one who may not see them.
        """
        every = [one for one in self._all.values() if not warm.waits(one)]
        return owned.visible(caller, every, "sessions", everybody=everybody)

    def get(self, caller: Caller, key: str) -> Session:
        """Return one session by id or name; a name is of one's own sessions.

        Raises:
            NotFound: there is none, or it is somebody else's.
        """
        session = owned.find(caller, self._all, self.visible(caller), key)
        if session.owner == caller.user:
            session.seen = time.monotonic()
        return session

    async def delete(self, session: Session) -> None:
        """End a session and forget it."""
        session.deleted = True
        if session.over:
            await self.ledger.write(rows.update_session(session, "deleted"))
            self._background.spawn(self._finish(session))
        else:
            await self.end(session, SessionState.KILLED, "The session was deleted.")

    async def submit(self, session: Session, request: RunStatement) -> Statement:
        """Write a statement down and have the driver run it, after those before it.

        Raises:
            InvalidInput: the statement's kind is not given, or is none of a statement.
            Conflict: the session is over.
            TooMany: as many statements as allowed are waiting already.
        """
        kind = self._kind(session, request.kind)
        self._check_room(session)
        number = session.next_statement
        statement = Statement(session.id, number, request.code, kind, request=log.REQUEST.get())
        session.next_statement += 1
        try:
            return await self._accept(session, statement)
        except Unavailable:
            if session.next_statement == number + 1:
                session.next_statement = number  # the number is free again
            raise

    async def submit_job(self, session: Session, code: str) -> Statement:
        """Write a client's job down and have the driver run it, after what came before it.

        Raises:
            Conflict: the session is over.
            TooMany: as many statements as allowed are waiting already.
        """
        self._check_room(session)
        number = -session.next_job
        session.next_job += 1
        job = Statement(session.id, number, code, Kind.PYSPARK, request=log.REQUEST.get())
        return await self._accept(session, job)

    async def _accept(self, session: Session, statement: Statement) -> Statement:
        await self.ledger.write(rows.insert_statement(statement))
        session.used = time.monotonic()
        if session.over:
            # It is accepted all the same: a client that hears of a fault sends it once more.
            with suppress(Unavailable):
                await self.ledger.write(self._break(session, statement))
        else:
            session.live[statement.id] = statement
            session.settle()
            session.send(self._execute(statement))
        return statement

    async def statement(self, session: Session, key: int) -> Statement:
        """Return one statement.

        Raises:
            NotFound: there is none with this id.
        """
        found = await self._find(session, key) if 0 <= key < session.next_statement else None
        if found is None:
            raise NotFound("Statement not found")
        return found

    async def job(self, session: Session, key: int) -> Statement:
        """Return one job of a client.

        Raises:
            NotFound: there is none with this id.
        """
        found = await self._find(session, -key) if 0 < key < session.next_job else None
        if found is None:
            raise NotFound(f"Job '{key}' not found.")
        return found

    async def _find(self, session: Session, key: int) -> Statement | None:
        found = session.live.get(key) or session.recent.get(key) or session.looked_up.get(key)
        if found is not None:
            return found
        read = await rows.read_statements(self.ledger, session.id, first=key, last=key)
        if not read:
            return None
        session.remember(read[0])
        return read[0]

    async def statements(
        self, session: Session, start: int, size: int | None, *, descending: bool
    ) -> AsyncIterator[list[Statement]]:
        """Give a page of the statements, piece by piece; they are numbered without gaps from 0.

        Raises:
            Unavailable: the database does not answer.
        """
        total = session.next_statement
        size = total if size is None else size
        if size <= 0 or start >= total:
            return
        first, last = start, min(start + size, total) - 1
        if descending:
            first, last = max(total - start - size, 0), total - start - 1
        pieces = rows.read_in_pieces(
            self.ledger, session.id, first=first, last=last, descending=descending
        )
        async for read in pieces:
            yield [session.live.get(one.id) or session.recent.get(one.id) or one for one in read]

    async def cancel(self, session: Session, key: int) -> None:
        """Stop a statement, or take it out of the queue; one that is done is left as it is."""
        await self.stop(session, await self.statement(session, key))

    async def stop(self, session: Session, statement: Statement) -> None:
        """Stop a statement or a job that was looked up before."""
        if statement.state.over or statement.id not in session.live:
            return
        # A driver that cannot be told may run it meanwhile: what it says when it is back is true.
        unknown = session.line is None and session.app_id is not None
        if statement.state is StatementState.WAITING and not unknown:
            statement.move(StatementState.CANCELLED)
            statement.completed = max(_milliseconds(), statement.started)
            session.finish(statement)
        else:
            statement.move(StatementState.CANCELLING)
        session.send(Cancel(statement=statement.id))
        statement.news.tell()
        await self.ledger.write(rows.update_statement(statement))

    async def events(self, session: Session, statement: Statement, after: int) -> list[Event]:
        """Return what happened in a statement after an event's number."""
        if statement.events:
            return statement.events[after:]
        return await rows.read_events(self.ledger, session.id, statement.id, after)

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
        async with session.driving:  # the launcher makes the folders of a driver anew
            self._check_working(session)
            return self._launcher.uploads(session.place)

    @staticmethod
    def give_input(session: Session, statement: Statement, value: str) -> None:
        """Answer what a statement asked.

        Raises:
            Conflict: it asked for nothing, or its driver is not there now.
        """
        if not statement.asking or statement.state.over:
            raise Conflict(f"Statement {statement.id} does not ask for input.")
        if session.line is None:
            raise Conflict("The driver is not connected now: try again.")
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

    @staticmethod
    def touch(session: Session) -> None:
        """Somebody uses this session: the time limits begin anew."""
        session.used = session.seen = time.monotonic()

    async def interrupt(self, session: Session) -> None:
        """Stop what runs and what waits."""
        for statement in reversed(list(session.live.values())):
            await self.stop(session, statement)

    async def complete(self, session: Session, request: AskCompletion) -> dict[str, Any]:
        """Return what may stand at the cursor; nothing when the driver does not say in time.

        Livy's answer, and (ours) which part of the code a candidate takes the place of.
        """
        kind = self._kind(session, request.kind)
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
        kind = self._kind(session, request.kind)
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
        self._check_working(session)
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._asked[message.request] = answer
        try:
            session.send(message)
            return await asyncio.wait_for(answer, ASK_SECONDS)
        except TimeoutError:
            return {}
        finally:
            del self._asked[message.request]

    def _kind(self, session: Session, asked: Kind | None) -> Kind:
        kind = asked or session.kind
        if kind is Kind.SHARED:
            raise InvalidInput("Code type should be specified if session kind is shared", "kind")
        return kind

    def _check_room(self, session: Session) -> None:
        self._check_working(session)
        if len(session.live) >= self._settings.livy.statements_waiting:
            raise TooMany(f"Rejected, Reason: {len(session.live)} statements are waiting.", 2)

    @staticmethod
    def _check_working(session: Session) -> None:
        if session.over or session.state is SessionState.SHUTTING_DOWN:
            why = f": {session.reason}" if session.reason else ""
            raise Conflict(f"Session is in state {session.state.value}{why}")

    # --- what drivers do (livy/channel.py) -------------------------------------------------------

    @property
    def output_limit(self) -> int:
        """Characters of one statement's output."""
        return self._settings.livy.output_limit

    def of_driver(self, key: int) -> Session | None:
        """Return the session whose driver calls, None when it is over or was never there."""
        session = self._all.get(key)
        return None if session is None or session.over else session

    def is_gone(self, session: Session) -> bool:
        """Say whether a driver has nothing to do here any more."""
        return self.of_driver(session.id) is None

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
        for statement in session.live.values():
            session.send(self._execute(statement))
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

    def answered(self, session: Session, message: Answer) -> None:
        """A driver answered a question."""
        self.transfers.refused(session, message.request, message.content)
        waiting = self._asked.get(message.request)
        if waiting is not None and not waiting.done():
            waiting.set_result(message.content)

    def driver_said_end(self, session: Session, reason: str) -> None:
        """A driver said that it ends."""
        state = SessionState.DEAD if session.app_id else SessionState.ERROR
        self._background.spawn(self.end(session, state, reason))

    @staticmethod
    def _execute(statement: Statement) -> Execute:
        return Execute(
            statement=statement.id,
            code=statement.code,
            kind=statement.kind,
            request=statement.request,
        )

    # --- beginning and ending --------------------------------------------------------------------

    @property
    def all(self) -> list[Session]:
        """Every session, also those that are over or deleted."""
        return [one for one in self._all.values() if one.id > 0]

    def adopt(self, session: Session) -> None:
        """Take a session from the tables (after a restart)."""
        self._all[session.id] = session

    def launch(self, session: Session) -> None:
        """Begin to start a session's driver."""
        session.launched = time.monotonic()
        self._background.spawn(self._launch(session))

    async def _launch(self, session: Session) -> None:
        secret = secrets.token_urlsafe(32)
        session.secret_hash = hash_of(secret)
        name = session.request.name or f"{session.project}: session {session.id}"
        properties = conf.spark_conf(
            session.request,
            self._settings,
            app_name=name,
            ui_base=self.addresses.ui_base(session.project, session.id),
            ui_secret=self.ui_secret(session),
        )
        files = conf.paths(session.request, self._launcher, self._project_folder(session.project))
        config = DriverConfig(
            session=session.id,
            url=f"{self._driver_url}{session.id}",
            secret=secret,
            kind=session.kind,
            name=properties["spark.app.name"],
            conf=properties,
            jars=files["jars"],
            py_files=files["pyFiles"],
            files=files["files"],
            archives=files["archives"],
            orphan_timeout=self._settings.livy.orphan_timeout,
            output_limit=self.output_limit,
        )
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

    async def end(self, session: Session, state: SessionState, reason: str) -> None:
        """End a session for good, with the reason that its owner reads."""
        if session.over or not session.move(state):
            return
        session.reason, session.ended, session.stopped = reason, now(), time.monotonic()
        _log.info("session over", session=session.id, state=state.value, reason=reason)
        writes = [self._break(session, one) for one in list(session.live.values())]
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
        self._background.spawn(self._finish(session))

    def _break(self, session: Session, statement: Statement) -> Write:
        statement.move(StatementState.ERROR)
        statement.output = outputs.broken(statement, "SessionOver", session.reason)
        statement.completed = max(_milliseconds(), statement.started)
        session.finish(statement)
        statement.news.tell()
        return rows.update_statement(statement)

    async def _finish(self, session: Session) -> None:
        """Make sure that nothing of a session's driver is left, then forget what was deleted."""
        async with session.driving:
            if session.process is not None:
                await self._launcher.stop(session.process)
                session.process = None
            await self._launcher.clean(session.place)
            if session.deleted:
                await self.ledger.write(rows.delete_session(session.id))
                self._all.pop(session.id, None)
            else:
                await self.ledger.write(rows.update_session(session, "process"))

    def finish_later(self, session: Session) -> None:
        """Stop what is left of a session that is over."""
        self._background.spawn(self._finish(session))

    def ui_secret(self, session: Session) -> bytes:
        """Return the key with which requests to a session's Spark UI are signed.

        Derived, not stored: whoever reads the database cannot make one.
        """
        return hmac.new(self._key, f"spark-ui:{session.id}".encode(), hashlib.sha256).digest()

    def log_file(self, session: Session) -> Path:
        """Return the file of a driver's stdout and stderr."""
        user = session.owner or "anonymous"
        folder = self._settings.user_logs(session.project, user)
        return folder / "sessions" / str(session.id) / "driver.log"

    def _project_folder(self, project: str) -> str:
        return str(self._settings.projects_dir / project)

    async def close(self) -> None:
        """End all sessions: a server that is told to end leaves nothing running.

        (One that is killed leaves its drivers running: they dial home to the next.)
        """
        for session in self.all:
            await self.end(session, SessionState.KILLED, "The Livy server was stopped.")
        await self._background.finished()


def _milliseconds() -> int:
    return int(time.time() * 1000)
