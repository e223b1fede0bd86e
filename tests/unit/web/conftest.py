"""Web with a project that has an owner and a data scientist."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from starlette.applications import Starlette

from hopyard.projects.accounts.service import Accounts
from hopyard.projects.jupyter.service import Jupyter
from hopyard.projects.members.service import Projects
from hopyard.settings import Platform, Settings
from hopyard.store.engine import make_engine, make_sessions, migrate
from hopyard.web.app import create_app
from tests.unit.web.around import Outside, Web, hub_routes, livy_routes, serve


@pytest.fixture(scope="module")
def outside() -> Outside:
    return Outside()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def web(tmp_path_factory: pytest.TempPathFactory, outside: Outside) -> AsyncIterator[Web]:
    """Web with the project `hops`: ada owns it, bob is a data scientist, eve is no member."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("web"))
    migrate(settings.database)
    engine = make_engine(settings.database)
    sessions = make_sessions(engine)
    with serve(Starlette(routes=[*hub_routes(outside), *livy_routes(outside)])) as around:
        platform = Platform(
            public_url="http://hopyard.example/",
            proxy_api_url=around,
            hub_url=around,
            web_url=around,
            livy_url=around,
            proxy_token="proxy",
            web_token="web",
            livy_token="livy",
            cli_token="cli",
            cookie_secret="5e" * 32,
        )
        with serve(create_app(settings, platform)) as url:
            outside.web_url = url
            made = Web(
                url,
                settings,
                platform,
                outside,
                Projects(sessions, settings),
                Jupyter(sessions, settings),
                Accounts(sessions, settings),
            )
            await made.projects.create("hops", "Hop <harvest>", "ada")
            await made.projects.add_member("hops", "bob", "data_scientist")
            yield made
    await engine.dispose()
