"""The browser, and places to use it in: a person with a password, and one project of theirs."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.e2e.browser import chromium
from tests.platform import ADMIN, DEMO, PASSWORD, Hopyard


@dataclass(frozen=True)
class Place:
    """Who uses the browser, and where."""

    url: str
    user: str
    password: str
    project: str
    project_folder: Path

    @property
    def project_url(self) -> str:
        """The address of the project's pages, without a slash at the end."""
        return f"{self.url}projects/{self.project}"

    @property
    def server_url(self) -> str:
        """The address of the person's Jupyter server in the project; ends with a slash."""
        port = urlsplit(self.url).port
        return f"http://{self.user}.localhost:{port}/user/{self.user}/{self.project}/"

    @property
    def jupyter(self) -> str:
        """The address of the project's Jupyter page."""
        return f"{self.project_url}/jupyter"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium for all tests; each opens a profile of its own."""
    async with chromium() as running:
        yield running


@pytest.fixture
def admin(hopyard: Hopyard) -> Place:
    """The administrator, in the demo project."""
    return _place(hopyard, ADMIN, PASSWORD, DEMO)


@pytest_asyncio.fixture(loop_scope="session")
async def place(hopyard: Hopyard) -> AsyncIterator[Place]:
    """A new person in a new project; what they started is stopped afterwards."""
    async with new_place(hopyard) as made:
        yield made


@contextlib.asynccontextmanager
async def new_place(hopyard: Hopyard) -> AsyncIterator[Place]:
    """Make a new person with a new project; what they started is stopped afterwards."""
    user = await _new_person(hopyard)
    project = f"of-{user}"
    made = await hopyard.api(user, "POST", "projects", json={"name": project})
    assert made.status_code == 201, made.text
    yield _place(hopyard, user, PASSWORD, project)
    await hopyard.stop_server(user, project)


@pytest_asyncio.fixture(loop_scope="session")
async def stranger(hopyard: Hopyard) -> Place:
    """A new person without a project."""
    return _place(hopyard, await _new_person(hopyard), PASSWORD, "none")


def _place(hopyard: Hopyard, user: str, password: str, project: str) -> Place:
    folder = hopyard.settings.projects_dir / project
    return Place(hopyard.url, user, password, project, folder)


async def _new_person(hopyard: Hopyard) -> str:
    """Invite somebody and accept the invitation, as the pages do."""
    # No counter: this file is imported twice, by pytest and by tests.
    user = f"person{secrets.token_hex(4)}"
    answer = await hopyard.api(ADMIN, "POST", "invitations", json={"name": user})
    assert answer.status_code == 201, answer.text
    token = answer.json()["link"].partition("#")[2]
    async with httpx.AsyncClient(base_url=hopyard.url, trust_env=False) as http:
        await http.get("hub/welcome")
        form = {"token": token, "password": PASSWORD, "again": PASSWORD}
        form["_xsrf"] = http.cookies["_xsrf"]
        made = await http.post("hub/welcome", data=form)
        assert made.status_code == 302, made.text
    return user
