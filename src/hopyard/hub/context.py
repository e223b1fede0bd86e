"""What the Hub's plug-ins share: the settings, and the rules of projects on the database."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from hopyard.projects.accounts.service import Accounts
from hopyard.projects.jupyter.service import Jupyter
from hopyard.projects.repositories.service import Repositories
from hopyard.projects.secrets.service import Secrets
from hopyard.settings import Platform, Settings, load
from hopyard.store.engine import make_engine, make_sessions
from hopyard.store.vault import Vault


@dataclass(frozen=True)
class Context:
    """One for the Hub's process; JupyterHub gives its plug-ins no place for such a thing."""

    settings: Settings
    platform: Platform
    jupyter: Jupyter
    accounts: Accounts
    repositories: Repositories


@functools.cache
def context() -> Context:
    """Return the context of this process."""
    settings = load()
    sessions = make_sessions(make_engine(settings.database))
    platform = Platform.read(settings)
    secrets = Secrets(sessions, Vault(settings.secrets_key_path, settings.secrets_key_command))
    return Context(
        settings,
        platform,
        Jupyter(sessions, settings),
        Accounts(sessions, settings),
        Repositories(sessions, settings, secrets, platform.public_url),
    )
