"""What the Hub does while its database cannot be read or written: its disk is full, it is locked.

JupyterHub notes with each request when a token was last used. Where it cannot, it goes on as if the
token were unknown and answers 403, and whoever asked ends what the token was for. So a token is
looked up without that note, and where nothing can be said the answer is 503. A stop that cannot be
written down is tried again instead of being under way for ever.

JupyterHub has no place for any of this, so its classes are changed when the Hub starts.
"""

from __future__ import annotations

import functools
from typing import Any

from jupyterhub.handlers.base import BaseHandler
from jupyterhub.user import User
from sqlalchemy.exc import DBAPIError, PendingRollbackError, SQLAlchemyError
from tornado.web import HTTPError

from hopyard.store.engine import fault

FAILURES = (DBAPIError, PendingRollbackError)


def install() -> None:
    """Change JupyterHub's classes; once in a process."""
    BaseHandler.get_current_user_token = _without_note(BaseHandler.get_current_user_token)
    BaseHandler.get_current_user_cookie = _without_note(BaseHandler.get_current_user_cookie)
    BaseHandler.prepare = _prepare(BaseHandler.prepare)
    BaseHandler._handle_request_exception = _answer(BaseHandler._handle_request_exception)
    User.stop = _stop(User.stop)


def _without_note(ask: Any) -> Any:
    @functools.wraps(ask)
    def asked(self: Any) -> Any:
        try:
            return ask(self)
        except SQLAlchemyError as error:
            self.db.rollback()
            self.log.warning("Who uses a token cannot be noted: %s", fault(error))
        self._record_activity = lambda *_, **__: False
        try:
            return ask(self)
        except SQLAlchemyError as error:
            self.db.rollback()
            self.hopyard_unknown = fault(error)
            raise

    return asked


def _prepare(prepare: Any) -> Any:
    @functools.wraps(prepare)
    async def prepared(self: Any) -> None:
        await prepare(self)
        if why := getattr(self, "hopyard_unknown", None):
            raise HTTPError(503, why)

    return prepared


def _answer(handle: Any) -> Any:
    @functools.wraps(handle)
    def handled(self: Any, error: BaseException) -> None:
        if isinstance(error, FAILURES):
            self.db.rollback()
            self.log.error("The database failed: %s", error)
            try:  # Tornado asks Python which error is being handled, and shows that one's words
                raise HTTPError(503, fault(error))
            except HTTPError as told:
                handle(self, told)
            return
        handle(self, error)

    return handled


def _stop(stop: Any) -> Any:
    @functools.wraps(stop)
    async def stopped(self: Any, server_name: str = "") -> Any:
        spawner = self.spawners[server_name]
        try:
            return await stop(self, server_name)
        except SQLAlchemyError:
            self.db.rollback()
            spawner.try_stop_again()
            raise

    return stopped
