"""Accounts with passwords, made by an invitation: nobody signs up alone."""

from __future__ import annotations

import asyncio
from typing import Any

import bcrypt
from jupyterhub.handlers.login import LoginHandler
from nativeauthenticator import NativeAuthenticator
from nativeauthenticator.orm import UserInfo
from tornado.web import HTTPError

from hopyard.hub import passwords, sessions
from hopyard.hub.attempts import Attempts, TooMany, address_of, proof_of
from hopyard.hub.context import context
from hopyard.hub.password import PasswordHandler
from hopyard.hub.welcome import FirstSignInHandler, InvitedHandler, WelcomeHandler

NOBODY = bcrypt.hashpw(b"nobody's", bcrypt.gensalt())
"""What a password is compared with where no account has the name: it takes the same time."""
WAIT = "Too many sign-ins are being tried: please try again in a minute."


class SignInHandler(LoginHandler):  # type: ignore[misc]
    """JupyterHub's own sign-in with our page; NativeAuthenticator's needs an older JupyterHub."""

    def render_template(self, name: str, **context: Any) -> Any:
        """Show our page in the place of JupyterHub's."""
        page = "native-login.html" if name == "login.html" else name
        return super().render_template(page, **context)


class HopyardAuthenticator(NativeAuthenticator):  # type: ignore[misc]
    """Passwords in the Hub's database; set with a one-time link or by HOPYARD_ADMIN_PASSWORD."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.attempts = Attempts()
        self._proof = proof_of(context().platform.proxy_token.get_secret_value())
        settings = context().settings
        if settings.admin_password and not self.has_password(settings.admin):
            self.set_password(settings.admin, settings.admin_password.get_secret_value())

    def get_handlers(self, app: Any) -> list[Any]:
        """Return the pages of accounts: no sign-up among them, nor anybody else's password."""
        return [
            (r"/welcome", WelcomeHandler),
            (r"/api/hopyard/invited", InvitedHandler),
            (r"/api/hopyard/first-sign-in", FirstSignInHandler),
            (r"/login", SignInHandler),
            (r"/change-password", PasswordHandler),
        ]

    def has_password(self, name: str) -> bool:
        """Say whether an account can sign in."""
        return self.get_user(name) is not None

    def set_password(self, name: str, password: str) -> None:
        """Set an account's password, and let it sign in; its sessions of before end."""
        info = self.get_user(name)
        hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt())
        if info is None:
            info = UserInfo(username=self.normalize_username(name), password=hashed)
            self.db.add(info)
        info.password = hashed
        info.is_authorized = True
        self.db.commit()
        sessions.end_all_of(self.db, self.normalize_username(name))

    async def authenticate(self, handler: Any, data: dict[str, str]) -> str | None:
        """Return the name of the account whose password this is."""
        name = self.normalize_username(data.get("username", ""))
        right = await self.is_right(handler, name, data.get("password", ""))
        return name if right else None

    async def is_right(self, handler: Any, name: str, password: str) -> bool:
        """Say whether this is the password of an account, after the wait that wrong ones earned.

        Nobody learns from the time it takes whether there is such an account.

        Args:
            handler: of the request that tries it.
            name: the account.
            password: what is tried.

        Raises:
            HTTPError: too many attempts from this address wait already.
        """
        address = address_of(handler, self._proof)
        try:
            async with self.attempts.one(address, name):
                info = self.get_user(name)
                known = info is not None and info.is_authorized
                hashed = info.password if known else NOBODY
                tried = password.encode()[: passwords.MOST_BYTES]  # bcrypt raises for more
                same = await asyncio.to_thread(bcrypt.checkpw, tried, hashed)
                right = known and same and len(password.encode()) <= passwords.MOST_BYTES
        except TooMany:
            raise HTTPError(429, WAIT) from None
        if right:
            self.attempts.succeeded(address, name)
        else:
            self.attempts.failed(address, name)
        return right

    async def delete_user(self, user: Any) -> None:
        """Delete an account; its servers are stopped before, so that their work is kept.

        JupyterHub by itself stops the server without a name only, and fails at the others.
        """
        for name, spawner in list(user.spawners.items()):
            if spawner.active:
                await user.stop(name)
        super().delete_user(user)
