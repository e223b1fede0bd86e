"""Wanted state against real state, every second and when a driver's connection ends.

- A driver whose process ended: its sessions are over (`dead`; `error` if it never was ready).
- A session that is not ready after `start_timeout`: `error`.
- A driver that runs but does not dial home: `recovering` after some seconds, `dead` after
  `orphan_timeout` (it ends itself then).
- No work for the idle timeout, nobody asking for the heartbeat timeout, or older than its time to
  live: `killed`.
- A warm session that nobody took for `warm_timeout`: `killed`.
- A session that a Jupyter server made: it ends when that server stopped or was started anew. When
  the Hub does not answer, nothing is ended.
- What was over for an hour is forgotten; what was deleted and is not yet stopped, is stopped.

All times are measured in this process's own clock: setting the machine's ends no session.
"""

from __future__ import annotations

import asyncio
import contextlib
import time

from hopyard import log
from hopyard.errors import HopyardError
from hopyard.identity.hub import HubClient
from hopyard.launchers.base import Launcher
from hopyard.livy import rows, warm
from hopyard.livy.ledger import Ledger
from hopyard.livy.records import Session
from hopyard.livy.requests import seconds
from hopyard.livy.sessions import Sessions
from hopyard.protocol.states import SessionState
from hopyard.settings import LivySettings

TICK = 1.0
HUB_TICK = 5.0
RETAIN = 3600.0
LOST = 5.0
"""Seconds without a connection after which a session is `recovering`: shorter cuts nobody sees."""
MARGIN = 10.0
"""Seconds more than a driver's own orphan timeout, so that it is the first to give up."""

_S = SessionState
_log = log.get(__name__)


class Reconciler:
    """Looks after all sessions.

    Args:
        sessions: what is wanted.
        launcher: says what is real.
        ledger: where what it finds out is written down.
        settings: the time limits.
        hub: None where there are no Jupyter servers.
    """

    def __init__(
        self,
        sessions: Sessions,
        launcher: Launcher,
        ledger: Ledger,
        settings: LivySettings,
        hub: HubClient | None,
    ) -> None:
        self._sessions = sessions
        self._launcher = launcher
        self._ledger = ledger
        self._settings = settings
        self._hub = hub

    async def run(self) -> None:
        """Look again and again; a look that fails is logged, the next one comes."""
        asked_hub = 0.0
        while True:
            try:
                for session in self._sessions.all:
                    await self._look(session)
                if self._hub is not None and time.monotonic() - asked_hub >= HUB_TICK:
                    await self._look_at_servers(self._hub)
                    asked_hub = time.monotonic()
            except Exception:  # this loop must outlive whatever one session does to it
                _log.exception("reconciling failed")
            with contextlib.suppress(TimeoutError):
                # Not `wait_for`: Python 3.11's forgets a cancel that comes with the event.
                async with asyncio.timeout(TICK):
                    await self._sessions.lost.wait()
                # Its last messages are being written: they say better why it ended.
                await asyncio.sleep(0.1)
            self._sessions.lost.clear()

    async def _look(self, session: Session) -> None:
        if session.over:
            await self._look_at_end(session)
            return
        process = self._sessions.leader(session).process
        ended = await self._launcher.check(process) if process is not None else None
        if ended is not None:
            reason = f"The driver {ended}; its log says more."
            await self._sessions.driver_ended(session, reason)
            return
        fault = self._fault(session, known=process is not None)
        if fault is not None:
            await self._sessions.end(session, *fault)

    async def _look_at_end(self, session: Session) -> None:
        if session.driving.locked():
            return
        if session.deleted:
            self._sessions.finish_later(session)
        elif session.stopped is None or time.monotonic() - session.stopped > RETAIN:
            await self._sessions.delete(session)

    def _fault(self, session: Session, *, known: bool) -> tuple[SessionState, str] | None:
        """Say why a session has to end; `known` whether there is a process of its driver."""
        waited = time.monotonic() - session.launched
        if session.app_id is None and waited > self._settings.start_timeout:
            return _S.ERROR, f"The driver was not ready within {self._settings.start_timeout:g} s."
        if session.line is None and known:
            if waited > self._settings.orphan_timeout + MARGIN:
                return _S.DEAD, (
                    f"The driver runs but did not dial home for {waited:.0f} s "
                    f"(livy.orphan_timeout is {self._settings.orphan_timeout:g} s): it does not "
                    "answer any more, or cannot reach this server's address."
                )
            if waited > LOST and session.state in (_S.IDLE, _S.BUSY):
                self._sessions.missing(session, LOST)
            return None
        return self._out_of_time(session)

    def _out_of_time(self, session: Session) -> tuple[SessionState, str] | None:
        asked, present = session.request, time.monotonic()
        if warm.waits(session):
            if present - session.used > self._settings.warm_timeout:
                return _S.KILLED, f"Nobody took it for {self._settings.warm_timeout:g} s."
            return None
        ttl = seconds(asked.ttl)
        if ttl and present - session.made > ttl:
            return _S.KILLED, f"Its time to live of {asked.ttl} was over."
        heartbeat = asked.heartbeatTimeoutInSecond
        if heartbeat and present - session.seen > heartbeat:
            return _S.KILLED, f"No client asked for it for {heartbeat} s."
        idle = seconds(asked.idleTimeout) or self._settings.idle_timeout
        if session.state is _S.IDLE and not session.live and present - session.used > idle:
            return _S.KILLED, f"It had no work for {idle:g} s."
        return None

    async def _look_at_servers(self, hub: HubClient) -> None:
        servers: dict[tuple[str, str], list[Session]] = {}
        for session in self._sessions.all:
            if session.server and not session.over:
                servers.setdefault((session.owner, session.server), []).append(session)
        for (user, name), made in servers.items():
            try:
                server = await hub.server(user, name)
            except HopyardError as error:
                _log.warning("the Hub does not say which servers run", error=str(error))
                return
            for session in made:
                await self._compare(session, server.started if server else None)

    async def _compare(self, session: Session, started: str | None) -> None:
        if started is None:
            await self._sessions.end(session, _S.KILLED, "Its Jupyter server was stopped.")
        elif session.server_started is None:
            session.server_started = started
            await self._ledger.write(rows.update_session(session, "server_started"))
        elif session.server_started != started:
            await self._sessions.end(session, _S.KILLED, "Its Jupyter server was started anew.")
