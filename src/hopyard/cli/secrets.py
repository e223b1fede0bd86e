"""`hopyard secrets`: the keys that secrets are encrypted with."""

from __future__ import annotations

import asyncio

from hopyard.settings import Settings


def rotate(settings: Settings) -> int:
    """Encrypt all secrets with a new key; return how many there are.

    Raises:
        SetupError: there is no key to be had.
        Unavailable: a secret cannot be decrypted.
    """
    from hopyard.projects.secrets.service import Secrets
    from hopyard.store.engine import make_engine, make_sessions
    from hopyard.store.vault import Vault

    async def run() -> int:
        engine = make_engine(settings.database)
        try:
            vault = Vault(settings.secrets_key_path, settings.secrets_key_command)
            return await Secrets(make_sessions(engine), vault).rotate()
        finally:
            await engine.dispose()

    return asyncio.run(run())
