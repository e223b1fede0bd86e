"""The page on which a person chooses a new password."""

from __future__ import annotations

from jupyterhub.handlers.base import BaseHandler
from tornado.web import authenticated

from hopyard.hub import passwords


class PasswordHandler(BaseHandler):  # type: ignore[misc]
    """Shows the form, and sets the password; every other session of the person ends then."""

    @authenticated  # type: ignore[untyped-decorator, unused-ignore]
    async def get(self) -> None:
        """Show the form."""
        await self._show()

    @authenticated  # type: ignore[untyped-decorator, unused-ignore]
    async def post(self) -> None:
        """Set the password."""
        user = self.current_user
        old, new, again = (
            self.get_body_argument(name, "", strip=False) for name in ("old", "password", "again")
        )
        fault = passwords.fault(new)
        if not fault and new != again:
            fault = "The two new passwords are not the same."
        if not fault and not await self.authenticator.is_right(self, user.name, old):
            fault = "The current password is not right."
        if fault:
            self.set_status(422)
            await self._show(fault)
            return
        self.authenticator.set_password(user.name, new)
        self.set_login_cookie(user)
        await self._show(done=True)

    async def _show(self, fault: str = "", *, done: bool = False) -> None:
        whose = self.current_user.name
        page = await self.render_template("password.html", fault=fault, done=done, whose=whose)
        self.finish(page)
