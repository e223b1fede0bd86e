"""The platform's disk is full, or its databases are locked: nobody loses a server or a token."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.disk import fill, small_disk
from tests.integration.test_platform import sign_in
from tests.integration.test_platform_faults import answers, kill_and_wait
from tests.platform import DEMO, PASSWORD, Hopyard, temp_hopyard, until

SIZE = 400_000_000
FULL = "disk is full"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def small(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hopyard]:
    """A platform on a small disk."""
    folder = tmp_path_factory.mktemp("small")
    with small_disk(folder / "disk", SIZE) as disk:
        async with temp_hopyard(disk) as running:
            yield running


async def statuses(hopyard: Hopyard, token: str) -> dict[str, tuple[int, str]]:
    """Ask each part of the platform with a token that is good."""
    found = {}
    async with hopyard.client(token) as client:
        for path in (
            "hub/api/user",
            f"api/v1/projects/{DEMO}",
            f"livy/projects/{DEMO}/sessions",
            f"{hopyard.server_url(DEMO)}api/kernels",
        ):
            answer = await client.get(path)
            found[path] = answer.status_code, answer.text
    return found


async def test_full_disk_ends_no_server_and_no_token(small: Hopyard) -> None:
    await small.start_server(DEMO)
    server = small.server_process()
    token = server.environ()["JUPYTERHUB_API_TOKEN"]
    for user in (DEMO, small.admin):
        await small.token(user)  # none can be made later
    await asyncio.to_thread(fill, small.data_dir / "ballast")
    try:
        for _ in range(3):
            for path, (status, text) in (await statuses(small, token)).items():
                assert status in (200, 503), (path, status, text)
                assert status == 200 or FULL in text, (path, text)
            await asyncio.sleep(0.5)
        # What the supervisor says goes to this disk, too.
        await kill_and_wait(small, "web")
        path = f"api/v1/projects/{DEMO}"
        await until("web is there again", lambda: answers(small, path, token), 60)
        async with small.client(token) as client:
            assert (await client.get("hub/api/user")).status_code == 200
            assert (await client.get("hub/api/user", headers=WRONG)).status_code == 403
        answer = await small.api(
            small.admin, "PATCH", f"projects/{DEMO}", json={"display_name": "New"}
        )
        assert answer.status_code in (200, 404, 405, 503), answer.text
        assert server.is_running()
        # A stop that cannot be written down ...
        async with small.client(await small.token(DEMO)) as client:
            await client.delete(f"hub/api/users/{DEMO}/servers/{DEMO}")
        await asyncio.to_thread(server.wait, 30)
    finally:
        (small.data_dir / "ballast").unlink()
    # ... is made up for when there is room again, and a new start is possible.

    async def stopped() -> bool:
        known = (await small.hub("GET", f"users/{DEMO}")).json()["servers"]
        return DEMO not in known

    await until("the server has stopped", stopped, 60)
    await small.start_server(DEMO)
    assert small.server_process().pid != server.pid


PAGES = (
    *(f"projects/{name}" for name in ("", "tours", "people", "secrets", "docs/")),
    *(f"projects/{DEMO}/{name}" for name in ("jupyter", "members", "settings", "logs")),
    *("hub/token", "hub/change-password", "hub/admin"),
)
FORMS: dict[str, dict[str, str]] = {
    "projects/": {"name": "another"},
    "projects/tours/first-steps": {},
    "projects/people": {"name": "somebody"},
    "projects/secrets": {"name": "key", "value": "x"},
    f"projects/{DEMO}/settings": {"display_name": "Another name"},
    f"projects/{DEMO}/jupyter/settings": {"mode": "python"},
    f"projects/{DEMO}/jupyter/start": {"mode": "python"},
}


async def test_pages_say_that_the_disk_is_full(small: Hopyard) -> None:
    async with small.client() as browser, small.client() as newcomer:
        await sign_in(browser, small.admin, PASSWORD)
        csrf = re.search(r'name="csrf" value="([^"]+)"', (await browser.get("projects/")).text)
        assert csrf
        headers = {"Origin": small.url.rstrip("/")}
        await asyncio.to_thread(fill, small.data_dir / "ballast")
        try:
            said = {path: await browser.get(path) for path in PAGES}
            for path, form in FORMS.items():
                data = form | {"csrf": csrf[1]}
                said[f"POST {path}"] = await browser.post(path, data=data, headers=headers)
            said["signing in"] = await sign_in(newcomer, small.admin, PASSWORD)
        finally:
            (small.data_dir / "ballast").unlink()
    wrong = {
        what: (answer.status_code, words(answer.text))
        for what, answer in said.items()
        if answer.status_code not in (200, 303)
        and not (answer.status_code == 503 and FULL in answer.text)
    }
    assert not wrong


def words(page: str) -> str:
    """Return what a page says."""
    return " ".join(re.sub(r"(?s)<(script|style).*?</\1>|<[^>]+>", " ", page).split())[:300]


async def test_locked_database_of_the_hub_ends_nothing(small: Hopyard) -> None:
    await small.start_server(DEMO)
    server = small.server_process()
    token = server.environ()["JUPYTERHUB_API_TOKEN"]
    database = small.data_dir / "hub" / "jupyterhub.sqlite"
    locking = sqlite3.connect(database, isolation_level=None)
    try:
        locking.execute("BEGIN EXCLUSIVE")
        async with small.client(token) as client:
            answer = await client.get("hub/api/user", timeout=60)
        assert answer.status_code in (200, 503), answer.text
        assert answer.status_code == 200 or "locked" in answer.text
    finally:
        locking.close()
    async with small.client(token) as client:
        assert (await client.get("hub/api/user")).status_code == 200
    assert server.is_running()


WRONG = {"Authorization": "Bearer 0123456789abcdef0123456789abcdef"}
