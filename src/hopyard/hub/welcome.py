"""The page behind a one-time link: an invited person chooses a password and is signed in.

The link is `/hub/welcome#TOKEN`: what stands behind # stays in the browser, so the token is in no
log and no referrer; the page's script puts it into the form.
"""

from __future__ import annotations

import json
from typing import Any

from jupyterhub import orm
from jupyterhub.apihandlers.base import APIHandler
from jupyterhub.handlers.base import BaseHandler
from jupyterhub.scopes import needs_scope
from tornado.web import HTTPError

from hopyard.errors import HopyardError
from hopyard.hub import passwords
from hopyard.hub.context import context


class WelcomeHandler(BaseHandler):  # type: ignore[misc]
    """Shows the form, and makes the account."""

    async def get(self) -> None:
        """Show the form."""
        await self._show()

    async def post(self) -> None:
        """Set the password of the account that the invitation is for."""
        token = self.get_body_argument("token", "").strip().rpartition("#")[2]
        password = self.get_body_argument("password", "", strip=False)
        fault = passwords.fault(password)
        if not fault and password != self.get_body_argument("again", "", strip=False):
            fault = "The two passwords are not the same."
        try:
            accounts = context().accounts
            if fault:
                await accounts.look(token)
                await self._show(fault, token)
                return
            invitation = await accounts.redeem(token)
        except HopyardError as error:
            await self._show(str(error), token, 404)
            return
        user = self.user_from_username(invitation.user)
        if invitation.admin and not user.admin:
            user.admin = True
            from jupyterhub.roles import assign_default_roles

            assign_default_roles(self.db, entity=user.orm_user)
        self.db.commit()
        self.authenticator.set_password(invitation.user, password)
        self.set_login_cookie(user)
        self.redirect("/projects/")

    async def _show(self, fault: str = "", token: str = "", status: int = 200) -> None:
        self.set_status(422 if fault and status == 200 else status)
        self.finish(await self.render_template("welcome.html", fault=fault, token=token))


class InvitedHandler(APIHandler):  # type: ignore[misc]
    """Tells the page behind a one-time link whose account it is about."""

    async def post(self) -> None:
        """Return the name for a token; the token itself is the permission to ask."""
        body = self.get_json_body()
        token = body.get("token") if isinstance(body, dict) else None
        try:
            invitation = await context().accounts.look(token if isinstance(token, str) else "")
        except HopyardError as error:
            raise HTTPError(404, str(error)) from None
        self.finish(json.dumps({"name": invitation.user}))


class FirstSignInHandler(APIHandler):  # type: ignore[misc]
    """Tells `hopyard up` how to sign in the first time."""

    @needs_scope("admin:users")  # type: ignore[untyped-decorator]
    async def post(self) -> None:
        """Return a one-time link's token while no administrator has a password."""
        settings = context().settings
        answer: dict[str, Any] = {"admin": settings.admin, "token": None}
        admins = self.db.query(orm.User).filter_by(admin=True)
        if not any(self.authenticator.has_password(user.name) for user in admins):
            answer["token"] = await context().accounts.invite(
                settings.admin, admin=True, by="hopyard up"
            )
        self.finish(json.dumps(answer))
