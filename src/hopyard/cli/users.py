"""`hopyard users`: accounts, on the platform's own machine."""

from __future__ import annotations

import asyncio

from hopyard.errors import Conflict, NotFound, SetupError
from hopyard.settings import Platform, Settings

BY = "hopyard users"


def add(settings: Settings, name: str, *, admin: bool) -> str:
    """Return a link with which a person makes an account of this name.

    Raises:
        SetupError: the authenticator is not ours, or no platform was ever started.
        InvalidInput: the name is not allowed.
        Conflict: there is such an account.
        Unavailable: the platform does not run.
    """
    return asyncio.run(_link(settings, name, admin=admin, there=False))


def reset_password(settings: Settings, name: str) -> str:
    """Return a link with which whoever has it gives an account a new password.

    Raises:
        SetupError: the authenticator is not ours, or no platform was ever started.
        InvalidInput: the name is not allowed.
        NotFound: there is no such account.
        Unavailable: the platform does not run.
    """
    return asyncio.run(_link(settings, name, admin=False, there=True))


async def _link(settings: Settings, name: str, *, admin: bool, there: bool) -> str:
    if settings.authenticator != "native":
        raise SetupError(
            f"Accounts come from the authenticator {settings.authenticator!r}: add people there, "
            "then on the page /hub/admin."
        )
    from hopyard import audit
    from hopyard.identity.hub import HubClient
    from hopyard.projects.accounts.service import Accounts, user_name
    from hopyard.store.engine import make_engine, make_sessions

    name = user_name(name)
    platform = Platform.read(settings)
    hub = HubClient(platform.hub_api_url, platform.cli_token.get_secret_value())
    engine = make_engine(settings.database)
    try:
        if await hub.user_exists(name) is not there:
            if there:
                raise NotFound(f"There is no account {name!r}.")
            raise Conflict(
                f"There is an account {name!r} already. For a new password: "
                f"hopyard users reset-password {name}"
            )
        token = await Accounts(make_sessions(engine), settings).invite(name, admin, by=BY)
    finally:
        await hub.close()
        await engine.dispose()
    what = "made a link for a new password" if there else "invited a person"
    audit.record(settings, BY, what, user=name, admin=admin)
    return f"{platform.public_url}hub/welcome#{token}"
