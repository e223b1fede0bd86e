"""What the routes work with: made once when the process starts, closed when it ends."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine

from hopyard.identity.hub import HubClient
from hopyard.projects.accounts.service import Accounts
from hopyard.projects.jupyter.service import Jupyter
from hopyard.projects.logs.service import Logs
from hopyard.projects.members.service import Projects
from hopyard.projects.repositories.service import Repositories
from hopyard.projects.secrets.service import Secrets
from hopyard.projects.tours.service import Tours
from hopyard.settings import Platform, Settings
from hopyard.store.engine import make_engine, make_sessions
from hopyard.store.vault import Vault
from hopyard.web.livy import LivyClient
from hopyard.web.seal import Seal
from hopyard.web.servers import Servers


@dataclass(frozen=True)
class Wiring:
    """The services of one web process."""

    settings: Settings
    platform: Platform
    engine: AsyncEngine
    hub: HubClient
    livy: LivyClient
    seal: Seal
    projects: Projects
    jupyter: Jupyter
    accounts: Accounts
    logs: Logs
    tours: Tours
    secrets: Secrets
    repositories: Repositories
    servers: Servers

    def is_livy(self, token: str) -> bool:
        """Say whether this is livy's own token."""
        known = self.platform.livy_token.get_secret_value()
        return hmac.compare_digest(token.encode(), known.encode())

    async def close(self) -> None:
        """Close connections."""
        await self.hub.close()
        await self.livy.close()
        await self.engine.dispose()


def wire(settings: Settings, platform: Platform) -> Wiring:
    """Make the services."""
    engine = make_engine(settings.database)
    sessions = make_sessions(engine)
    hub = HubClient(platform.hub_api_url, platform.web_token.get_secret_value())
    livy = LivyClient(platform)
    seal = Seal(platform.cookie_secret.get_secret_value())
    projects = Projects(sessions, settings)
    jupyter = Jupyter(sessions, settings)
    secrets = Secrets(sessions, Vault(settings.secrets_key_path, settings.secrets_key_command))
    return Wiring(
        settings=settings,
        platform=platform,
        engine=engine,
        hub=hub,
        livy=livy,
        seal=seal,
        projects=projects,
        jupyter=jupyter,
        accounts=Accounts(sessions, settings),
        logs=Logs(settings),
        tours=Tours(projects, jupyter, settings),
        secrets=secrets,
        repositories=Repositories(sessions, settings, secrets, platform.public_url),
        servers=Servers(hub, livy, projects, jupyter, seal),
    )
