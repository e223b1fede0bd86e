"""After a restart: what the tables say is what there is, until drivers and processes say more.

A session that was not over is `recovering` until its driver dials home again (the reconciler gives
it the time that a driver tries, and looks whether its process is there). One whose driver was never
started, because the server was killed in between, is started now. What was over or deleted, but
perhaps not stopped to the end, is stopped. Ids go on where they were. Who waited to join another
session's driver goes on waiting.
"""

from __future__ import annotations

from hopyard import log
from hopyard.livy import rows
from hopyard.livy.ledger import Ledger
from hopyard.livy.records import KEYS
from hopyard.livy.sessions import Sessions
from hopyard.protocol.states import SessionState

_log = log.get(__name__)


async def recover(sessions: Sessions, ledger: Ledger) -> None:
    """Take up everything that was written down."""
    found = await rows.read_sessions(ledger)
    for session in found:
        sessions.adopt(session)
    for session in found:
        if session.over:
            if session.deleted or session.process is not None:
                sessions.finish_later(session)
            continue
        for statement in await rows.read_unfinished(ledger, session.id):
            session.live[statement.id] = statement
        for key, number in await rows.read_keys(ledger, session.id, KEYS):
            session.once.knows(key, number)
        if session.deleted:
            await sessions.end(session, SessionState.KILLED, "The session was deleted.")
        elif session.waits_to_join:
            sessions.join(session)
        elif sessions.leader(session).process is not None:
            session.move(SessionState.RECOVERING)
            _log.info("recovering", session=session.id, statements=len(session.live))
        else:
            # Whatever was begun dials with the secret before this one, and is sent away.
            _log.info("starting again", session=session.id)
            sessions.launch(session)
