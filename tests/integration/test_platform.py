"""The platform's frame: start, stop, clear sentences, accounts, who may start which server."""

from __future__ import annotations

import re
import signal
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.platform import ADMIN, DEMO, PASSWORD, Hopyard, kill, until


def run(hopyard: Hopyard, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the platform to its end."""
    return subprocess.run(
        [sys.executable, "-m", "hopyard.cli", *words],
        env=hopyard.environment | environment,
        cwd=hopyard.data_dir.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def sentence(done: subprocess.CompletedProcess[str]) -> str:
    """Return the one line on stderr of a command that refused."""
    assert done.returncode == 1, done
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0]


@pytest.fixture
def fresh(tmp_path: Path) -> Hopyard:
    """A platform that was never started."""
    return Hopyard(tmp_path / "data", "up")


# --- what hinders a start -------------------------------------------------------------------------


def test_start_with_taken_port_is_refused(fresh: Hopyard) -> None:
    with socket.create_server(("127.0.0.1", fresh.port)):
        said = sentence(run(fresh, "up"))
    assert f"Port {fresh.port} is taken" in said
    assert "HOPYARD_PORT" in said


def test_start_with_unknown_setting_is_refused(fresh: Hopyard) -> None:
    assert "HOPYARD_PROT" in sentence(run(fresh, "up", HOPYARD_PROT="1"))


def test_start_with_unknown_setting_in_file_is_refused(fresh: Hopyard, tmp_path: Path) -> None:
    (tmp_path / "hopyard.toml").write_text("prot = 1\n")
    assert "prot: is not a setting" in sentence(run(fresh, "up"))


def test_start_without_java_is_refused(fresh: Hopyard) -> None:
    assert "Spark needs Java 17" in sentence(run(fresh, "up", JAVA_HOME="/nowhere"))


def test_start_with_unwritable_folder_is_refused(fresh: Hopyard) -> None:
    assert "cannot be written" in sentence(run(fresh, "up", HOPYARD_DATA_DIR="/proc/hopyard"))


def test_start_with_short_password_is_refused(fresh: Hopyard) -> None:
    said = sentence(run(fresh, "up", HOPYARD_ADMIN_PASSWORD="short"))
    assert "at least 10 characters" in said
    assert "short" not in said.replace("short-", "")


def test_check_without_platform_says_so(fresh: Hopyard) -> None:
    assert "No platform was started" in sentence(run(fresh, "check"))


# --- running --------------------------------------------------------------------------------------


async def test_start_prints_one_block(hopyard: Hopyard) -> None:
    said = hopyard.said
    for text in (hopyard.url, str(hopyard.data_dir), str(hopyard.settings.logs_dir), "Ctrl-C"):
        assert text in said
    assert PASSWORD not in said
    assert hopyard.cli_token not in said


async def test_second_start_on_same_data_is_refused(hopyard: Hopyard) -> None:
    assert "runs already" in sentence(run(hopyard, "up"))


async def test_administrator_signs_in_with_the_password_of_the_environment(
    hopyard: Hopyard,
) -> None:
    async with hopyard.client() as browser:
        assert (await sign_in(browser, ADMIN, "wrong password")).url.path == "/hub/login"
        assert (await sign_in(browser, ADMIN, PASSWORD)).url.path == "/projects/"


async def sign_in(browser: httpx.AsyncClient, name: str, password: str) -> httpx.Response:
    """Sign in as the page does, and follow to where it leads."""
    form = await browser.get("hub/login")
    return await browser.post(
        "hub/login?next=%2Fprojects%2F",
        data={"username": name, "password": password, "_xsrf": forgery_token(form)},
        follow_redirects=True,
    )


def forgery_token(page: httpx.Response) -> str:
    """Return the token that a form of the Hub carries."""
    found = re.search(r'name="_xsrf" value="([^"]+)"', page.text)
    assert found, page.text[:2000]
    return found[1]


async def accept(browser: httpx.AsyncClient, token: str, password: str) -> httpx.Response:
    """Send the form behind an invitation's link."""
    form = await browser.get("hub/welcome")
    return await browser.post(
        "hub/welcome",
        data={
            "token": token,
            "password": password,
            "again": password,
            "_xsrf": forgery_token(form),
        },
    )


async def test_invitation_works_once(hopyard: Hopyard) -> None:
    done = run(hopyard, "users", "add", "ines")
    assert done.returncode == 0, done.stderr
    link = done.stdout.strip()
    assert link.startswith(f"{hopyard.url}hub/welcome#")
    token = link.partition("#")[2]
    async with hopyard.client() as browser:
        assert (await accept(browser, token, "short")).status_code == 422
        accepted = await accept(browser, token, "long enough for ines")
        assert accepted.status_code == 302
        assert accepted.headers["location"] == "/projects/"
    async with hopyard.client() as browser:
        again = await accept(browser, token, "a second password")
        assert again.status_code == 404
        assert "not valid any more" in again.text
        assert (await sign_in(browser, "ines", "a second password")).url.path == "/hub/login"
        there = await sign_in(browser, "ines", "long enough for ines")
        assert there.url.path == "/projects/"
    known = (await hopyard.hub("GET", "users/ines")).json()
    assert known["admin"] is False


async def test_nobody_signs_up_alone(hopyard: Hopyard) -> None:
    async with hopyard.client() as browser:
        assert (await browser.get("hub/signup")).status_code == 404


# --- who may start which server -------------------------------------------------------------------


async def test_non_member_starts_no_server(hopyard: Hopyard) -> None:
    token = await hopyard.add_user("nora")
    async with hopyard.client(token) as client:
        response = await client.post(
            f"hub/api/users/nora/servers/{DEMO}", json={"project": DEMO, "role": "data_owner"}
        )
    assert response.status_code == 403
    assert not hopyard.running("hopyard.notebook")


async def test_server_without_project_is_refused(hopyard: Hopyard) -> None:
    token = await hopyard.add_user("nora")
    async with hopyard.client(token) as client:
        response = await client.post("hub/api/users/nora/server")
    assert response.status_code == 400
    assert "belongs to a project" in response.text


async def test_user_starts_no_server_of_another(hopyard: Hopyard) -> None:
    token = await hopyard.add_user("nora")
    async with hopyard.client(token) as client:
        response = await client.post(f"hub/api/users/{DEMO}/servers/{DEMO}")
    assert response.status_code == 404


async def test_server_ends_when_its_time_is_up(hopyard: Hopyard) -> None:
    project = "short"
    made = await hopyard.api(ADMIN, "POST", "projects", json={"name": project})
    assert made.status_code == 201, made.text
    await hopyard.start_server(ADMIN, project)
    # A person cannot choose less than hours: move the clock of this one row.
    with sqlite3.connect(hopyard.data_dir / "hopyard.sqlite", timeout=30) as tables:
        changed = tables.execute(
            "UPDATE jupyter_servers SET expires_at = '2020-01-01 00:00:00.000000' "
            "WHERE project_id = (SELECT id FROM projects WHERE name = ?)",
            (project,),
        )
        assert changed.rowcount == 1

    async def stopped() -> bool:
        view = await hopyard.api(ADMIN, "GET", f"projects/{project}/jupyter/server")
        return bool(view.json()["state"] == "stopped" and view.json()["error"])

    await until("the server has ended, and it is said why", stopped, 60)
    view = await hopyard.api(ADMIN, "GET", f"projects/{project}/jupyter/server")
    assert view.json()["error"] == "Its time was up."


async def test_server_shows_its_project_and_nothing_of_the_platform(hopyard: Hopyard) -> None:
    address = await hopyard.start_server(DEMO)
    try:
        async with hopyard.client(await hopyard.token(DEMO)) as client:
            assert (await client.get(f"{address}api/contents")).status_code == 200
            assert (await client.get(f"{address}lab")).status_code == 200
        other = await hopyard.add_user("nora")
        async with hopyard.client(other) as client:
            assert (await client.get(f"{address}api/contents")).status_code in (403, 404)
        server = next(
            one for one in hopyard.running("-m hopyard.notebook") if "bwrap" not in one.name()
        )
        root = Path(f"/proc/{server.pid}/root")
        assert (root / "project" / "Jupyter").is_dir()
        assert not (root / str(hopyard.settings.platform_file).lstrip("/")).exists()
        environment = server.environ()
        for secret in ("web_token", "livy_token", "cli_token", "proxy_token", "cookie_secret"):
            value = getattr(hopyard.platform, secret).get_secret_value()
            assert value not in environment.values()
        assert PASSWORD not in environment.values()
        logs = list((hopyard.settings.user_logs(DEMO, DEMO) / "jupyter").glob("*.log"))
        assert logs
        assert logs[-1].stat().st_size
    finally:
        await hopyard.stop_server(DEMO)
    assert not hopyard.running("hopyard.notebook")


async def test_second_start_finds_data_and_stop_leaves_nothing(tmp_path: Path) -> None:
    hopyard = Hopyard(tmp_path / "data", "demo")
    try:
        await hopyard.start()
        await hopyard.add_user("kept")
        await hopyard.start_server(DEMO)
        assert await hopyard.end(signal.SIGINT) == 0
        assert not hopyard.remaining(), hopyard.remaining()
        ports = hopyard.platform.hub_url
        await hopyard.start()
        assert hopyard.platform.hub_url == ports
        assert (await hopyard.hub("GET", "users/kept")).status_code == 200
        assert await hopyard.end(signal.SIGTERM) == 0
        assert not hopyard.remaining(), hopyard.remaining()
    finally:
        kill(hopyard)


async def test_first_start_prints_a_link_until_it_was_used(tmp_path: Path) -> None:
    hopyard = Hopyard(tmp_path / "data", "up", password=None)
    try:
        await hopyard.start()
        link = re.search(r"/hub/welcome#(\S+)", hopyard.said)
        assert link
        async with hopyard.client() as browser:
            accepted = await accept(browser, link[1], "chosen by the admin")
            assert accepted.status_code == 302
        known = (await hopyard.hub("GET", f"users/{ADMIN}")).json()
        assert known["admin"] is True
        await hopyard.end()
        await hopyard.start()
        assert "/hub/welcome#" not in hopyard.said

        async def signed_in() -> bool:
            async with hopyard.client() as browser:
                there = await sign_in(browser, ADMIN, "chosen by the admin")
                return there.url.path == "/projects/"

        await until("the administrator is in", signed_in, 10)
        await hopyard.end()
    finally:
        kill(hopyard)
