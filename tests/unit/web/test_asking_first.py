"""What deletes something says first what ends; who is concerned is told."""

from __future__ import annotations

import asyncio

import pytest

from hopyard.projects.repositories.service import Repositories
from hopyard.projects.secrets.service import Secrets
from hopyard.store.engine import make_engine, make_sessions
from hopyard.store.vault import Vault
from tests.unit.web.around import Web

MEMBERS = "/projects/hops/members"


async def test_member_is_removed_after_a_question_and_told(web: Web) -> None:
    await web.projects.add_member("hops", "eve", "data_scientist")
    web.outside.sessions[51] = "eve"
    async with web.browser("ada") as browser:
        form = {"user": "eve"}
        asked = await browser.post(f"{MEMBERS}/remove", data=form)
        assert asked.status_code == 200
        assert "1 Spark session of eve ends, running cells too." in asked.text
        assert (await web.projects.membership("eve", "hops")).user == "eve"
        gone = await browser.post(f"{MEMBERS}/remove", data={**form, "confirm": "on"})
        assert gone.headers["location"] == MEMBERS
        assert "Removed eve from hops." in (await browser.get(MEMBERS)).text
        assert "Removed eve" not in (await browser.get(MEMBERS)).text
        again = await browser.post(f"{MEMBERS}/remove", data=form)
        assert again.status_code == 404 and "not a member any more" in again.text
    async with web.browser("eve") as browser:
        told = await browser.get("/projects/hops/jupyter")
        assert told.status_code == 404
        assert "ada removed you on" in told.text and "have ended" in told.text
    async with web.browser("root") as browser:
        assert "ada removed" not in (await browser.get("/projects/hops/jupyter")).text
    await web.projects.add_member("hops", "eve", "data_scientist")
    await web.projects.remove_member("hops", "eve", "eve")
    web.outside.sessions.clear()


async def test_deleted_project_is_told_to_its_members_alone(web: Web) -> None:
    await web.projects.create("brief", "", "ada")
    await web.projects.add_member("brief", "bob", "data_scientist")
    await web.projects.delete("brief", "ada")
    async with web.browser("bob") as browser:
        assert "ada deleted the project" in (await browser.get("/projects/brief/jupyter")).text
    async with web.browser("root") as browser:
        assert "ada deleted" not in (await browser.get("/projects/brief/jupyter")).text
    await web.projects.create("brief", "", "root")
    async with web.browser("bob") as browser:
        assert "ada deleted" not in (await browser.get("/projects/brief/jupyter")).text
    await web.projects.delete("brief", "root")


@pytest.mark.parametrize(
    ("page", "form", "said"),
    [
        ("/projects/secrets/delete", {"name": "gone"}, "You have no secret"),
        ("/projects/people/revoke", {"invitation": "4711"}, "This invitation is not open"),
    ],
)
async def test_what_another_tab_has_deleted_is_said_on_its_page(
    web: Web, page: str, form: dict[str, str], said: str
) -> None:
    async with web.browser("root") as browser:
        for confirm in ({}, {"confirm": "on"}):
            answer = await browser.post(page, data={**form, **confirm})
            assert answer.status_code == 404 and said in answer.text
            assert 'id="add"' in answer.text


async def test_role_is_not_changed_when_another_tab_changed_it(web: Web) -> None:
    change = {"user": "bob", "role": "data_owner", "seen": "data_owner"}
    async with web.browser("ada") as browser:
        stale = await browser.post(f"{MEMBERS}/role", data=change)
        assert stale.status_code == 409 and "bob is data scientist in the meantime" in stale.text
        twice = await browser.post(MEMBERS, data={"user": "bob", "role": "data_owner"})
        assert twice.status_code == 409 and "is a member already, as data scientist" in twice.text
        own = {"user": "ada", "role": "data_scientist", "seen": "data_owner"}
        asked = await browser.post(f"{MEMBERS}/role", data=own)
        assert asked.status_code == 200 and "Give up being a data owner?" in asked.text
    assert (await web.projects.membership("bob", "hops")).role == "data_scientist"
    assert (await web.projects.membership("ada", "hops")).role == "data_owner"


async def test_secret_is_deleted_after_a_question_that_names_its_uses(web: Web) -> None:
    engine = make_engine(web.settings.database)
    vault = Vault(web.settings.secrets_key_path, web.settings.secrets_key_command)
    secrets = Secrets(make_sessions(engine), vault)
    repositories = Repositories(make_sessions(engine), web.settings, secrets, "http://x/")
    await secrets.put("ada", "git-key", "value", "hops")
    chosen = {"provider": "github", "url": "https://github.com/a/b.git", "secret": "git-key"}
    await repositories.remember("bob", "hops", chosen)
    async with web.browser("ada") as browser:
        asked = await browser.post("/projects/secrets/delete", data={"name": "git-key"})
        assert "Members of hops cannot use it any more." in asked.text
        assert "API key of the Git repository of bob in hops" in asked.text
        assert [one.name for one in await secrets.mine("ada")] == ["git-key"]
        form = {"name": "git-key", "confirm": "on"}
        await browser.post("/projects/secrets/delete", data=form)
        assert await secrets.mine("ada") == []
        assert "Deleted the secret git-key." in (await browser.get("/projects/secrets")).text
        assert (await browser.post("/projects/secrets/delete", data=form)).status_code == 404
    await repositories.remember("bob", "hops", {"provider": "off"})
    await engine.dispose()


async def test_invitation_is_withdrawn_after_a_question(web: Web) -> None:
    await web.accounts.invite("yan", False, "root")
    (waiting,) = [one for one in await web.accounts.open() if one.user == "yan"]
    form = {"invitation": str(waiting.id)}
    async with web.browser("root") as browser:
        asked = await browser.post("/projects/people/revoke", data=form)
        assert "The link that yan got works no more." in asked.text
        assert "yan" in {one.user for one in await web.accounts.open()}
        await browser.post("/projects/people/revoke", data={**form, "confirm": "on"})
        assert "yan" not in {one.user for one in await web.accounts.open()}


async def test_words_of_what_was_done_cannot_be_made_up(web: Web) -> None:
    async with web.browser("ada") as browser:
        browser.cookies.set("hopyard-said", "Your password is wanted", path="/projects/")
        assert "Your password" not in (await browser.get("/projects/")).text


async def test_log_says_whether_it_is_still_written(web: Web) -> None:
    for name in ("61", "62"):
        file = web.settings.user_logs("hops", "ada") / "sessions" / name / "driver.log"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("line\n")
    web.outside.sessions[61] = "ada"
    async with web.browser("ada") as browser:
        for source, state in (("session-61", "live"), ("session-62", "finished")):
            url = f"/projects/hops/logs/events?source={source}&offset=0"
            async with asyncio.timeout(15), browser.stream("GET", url) as answer:
                async for line in answer.aiter_lines():
                    if line in ("data: live", "data: finished"):
                        assert line == f"data: {state}"
                        break
        for path in ("logs", "logs/events"):
            other = await browser.get(f"/projects/hops/{path}?source=session-99")
            assert other.status_code == 404 and "no such log" in other.text
    web.outside.sessions.clear()
