"""`hopyard users`: accounts, on the platform's own machine."""

from __future__ import annotations

import asyncio

from hopyard.cli.frame import public_url
from hopyard.errors import SetupError
from hopyard.settings import Settings


def add(settings: Settings, name: str, *, admin: bool) -> str:
    """Return a link with which a person makes an account of this name, or a new password.

    Raises:
        SetupError: the authenticator is not ours, or no platform was ever started.
        InvalidInput: the name is not allowed.
    """
    if settings.authenticator != "native":
        raise SetupError(
            f"Accounts come from the authenticator {settings.authenticator!r}: add people there, "
            "then on the page /hub/admin."
        )
    from hopyard.projects.accounts.service import Accounts
    from hopyard.settings import Platform
    from hopyard.store.engine import make_engine, make_sessions

    Platform.read(settings)

    async def invite() -> str:
        engine = make_engine(settings.database)
        try:
            accounts = Accounts(make_sessions(engine), settings)
            return await accounts.invite(name, admin, by="hopyard users")
        finally:
            await engine.dispose()

    return f"{public_url(settings)}hub/welcome#{asyncio.run(invite())}"
