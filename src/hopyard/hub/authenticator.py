"""Accounts with passwords, made by an invitation: nobody signs up alone."""

from __future__ import annotations

from typing import Any

import bcrypt
from jupyterhub.handlers.login import LoginHandler
from nativeauthenticator import NativeAuthenticator
from nativeauthenticator.handlers import ChangePasswordAdminHandler, ChangePasswordHandler
from nativeauthenticator.orm import UserInfo

from hopyard.hub import passwords
from hopyard.hub.context import context
from hopyard.hub.welcome import FirstSignInHandler, WelcomeHandler


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
        settings = context().settings
        if settings.admin_password and not self.has_password(settings.admin):
            self.set_password(settings.admin, settings.admin_password.get_secret_value())

    def get_handlers(self, app: Any) -> list[Any]:
        """Return the pages of accounts: no sign-up among them."""
        return [
            (r"/welcome", WelcomeHandler),
            (r"/api/hopyard/first-sign-in", FirstSignInHandler),
            (r"/login", SignInHandler),
            (r"/change-password", ChangePasswordHandler),
            (r"/change-password/([^/]+)", ChangePasswordAdminHandler),
        ]

    def has_password(self, name: str) -> bool:
        """Say whether an account can sign in."""
        return self.get_user(name) is not None

    def set_password(self, name: str, password: str) -> None:
        """Set an account's password, and let it sign in."""
        info = self.get_user(name)
        hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt())
        if info is None:
            info = UserInfo(username=self.normalize_username(name), password=hashed)
            self.db.add(info)
        info.password = hashed
        info.is_authorized = True
        self.db.commit()

    def is_password_strong(self, password: str) -> bool:
        """Say whether a new password is allowed (asked when one is changed)."""
        return passwords.fault(password) is None

    async def authenticate(self, handler: Any, data: dict[str, str]) -> str | None:
        """Return the name of the account whose password this is."""
        if len(data.get("password", "").encode()) > passwords.MOST_BYTES:
            return None  # bcrypt raises for these
        name: str | None = await super().authenticate(handler, data)
        return name

    async def delete_user(self, user: Any) -> None:
        """Delete an account; its servers are stopped before, so that their work is kept.

        JupyterHub by itself stops the server without a name only, and fails at the others.
        """
        for name, spawner in list(user.spawners.items()):
            if spawner.active:
                await user.stop(name)
        super().delete_user(user)
