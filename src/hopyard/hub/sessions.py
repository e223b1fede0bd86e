"""Signing out ends what was signed in, at the server: a copied cookie is worth nothing then.

JupyterHub's sign-out deletes cookies in the browser, and the tokens of that browser. Its login
cookie is the same in all browsers of a person, and stays good. So signing out, and a new password,
make a new one and delete every token that came from a sign-in: it ends all browsers' sessions.
"""

from __future__ import annotations

from typing import Any

from jupyterhub import orm
from jupyterhub.handlers.base import BaseHandler

BY_PERSON = "jupyterhub"
"""The OAuth client of tokens that no sign-in made: those of `/hub/token` and of Jupyter servers."""


def end_all_of(db: Any, name: str) -> None:
    """End every session of a person: at the Hub, on the pages, and at Jupyter servers."""
    owner = orm.User.find(db, name)
    if owner is None:
        return
    owner.cookie_id = orm.new_token()
    for token in db.query(orm.APIToken).filter_by(user_id=owner.id):
        if token.client_id != BY_PERSON:
            db.delete(token)
    db.query(orm.OAuthCode).filter_by(user_id=owner.id).delete()
    db.commit()


def install() -> None:
    """Let every way to sign out do it, whatever the authenticator.

    JupyterHub has no place for this: all its handlers and those of authenticators call this method.
    """
    delete_cookies = BaseHandler.clear_login_cookie

    def clear_login_cookie(self: Any, name: str | None = None) -> None:
        user = self.get_current_user_cookie()
        delete_cookies(self, name)
        if user:
            end_all_of(self.db, user.name)

    BaseHandler.clear_login_cookie = clear_login_cookie
