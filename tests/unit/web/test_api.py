from __future__ import annotations

import asyncio
import json

import pytest

from hopyard import audit
from hopyard.errors import NotFound
from hopyard.livy.records import Session
from hopyard.livy.requests import CreateSession
from hopyard.livy.secrets import PlatformSecrets
from hopyard.store.types import now
from hopyard.web.seal import Seal
from hopyard.web.servers import SECOND_LOOK
from tests.unit.web.around import Web


async def test_projects_live_and_die_by_the_api(web: Web) -> None:
    async with web.api("t-ada") as api:
        made = await api.post("/api/v1/projects", json={"name": "mine", "display_name": "Mine"})
        assert (made.status_code, made.json()["role"]) == (201, "data_owner")
        again = await api.post("/api/v1/projects", json={"name": "mine"})
        assert again.status_code == 409
        wrong = await api.post("/api/v1/projects", json={"name": "My Project"})
        assert (wrong.status_code, wrong.json()["field"]) == (400, "name")
        unknown = await api.post("/api/v1/projects", json={"name": "a", "colour": "red"})
        assert (unknown.status_code, unknown.json()["field"]) == (422, "colour")
        changed = await api.patch("/api/v1/projects/mine", json={"display_name": "Ours"})
        assert changed.json()["display_name"] == "Ours"
        assert {p["name"] for p in (await api.get("/api/v1/projects")).json()} == {"hops", "mine"}
        assert (await api.delete("/api/v1/projects/mine")).status_code == 204
        assert (await api.get("/api/v1/projects/mine")).status_code == 404


async def test_removing_a_member_stops_the_server_and_the_sessions(web: Web) -> None:
    outside = web.outside
    outside.asked.clear()
    await web.projects.add_member("hops", "eve", "data_scientist")
    outside.sessions |= {1: "eve", 2: "bob"}
    async with web.api("t-ada") as api:
        assert (await api.delete("/api/v1/projects/hops/members/eve")).status_code == 204
        assert (await api.delete("/api/v1/projects/hops/members/eve")).status_code == 404
        assert (await api.delete("/api/v1/projects/hops/members/ada")).status_code == 409
    assert outside.asked == [("DELETE", "eve/hops", "web")]
    assert outside.sessions == {2: "bob"}
    async with web.api("t-eve") as api:
        assert (await api.get("/api/v1/projects/hops")).status_code == 404
    outside.sessions[3] = "eve"  # made while livy still took eve for a member
    for _ in range(int(SECOND_LOOK + 10) * 10):
        if 3 not in outside.sessions:
            break
        await asyncio.sleep(0.1)
    assert outside.sessions == {2: "bob"}
    outside.sessions.clear()


async def test_only_people_with_an_account_become_members(web: Web) -> None:
    async with web.api("t-ada") as api:
        url = "/api/v1/projects/hops/members/"
        answer = await api.put(url + "stranger", json={})
        assert (answer.status_code, answer.json()["field"]) == (400, "user")
        assert (await api.put(url + "bob", json={"role": "king"})).json()["field"] == "role"
        assert (await api.put(url + "bob", json={})).json()["role"] == "data_scientist"


@pytest.mark.parametrize("user", ["%2e", "%2e%2e", "a%5cb", "a%0ab", "%252e", "%20"])
async def test_no_name_that_is_another_address_becomes_a_member(web: Web, user: str) -> None:
    async with web.api("t-ada") as api:
        answer = await api.put(f"/api/v1/projects/hops/members/{user}", json={})
        assert (answer.status_code, answer.json().get("field")) == (400, "user")
        assert len((await api.get("/api/v1/projects/hops/members")).json()) == 2


async def test_a_secret_has_no_name_that_is_another_address(web: Web) -> None:
    for way in ("t-bob", "s-bob-hops"):
        async with web.api(way) as api:
            for name in ("%2e", "%2e%2e"):
                put = await api.put(f"/api/v1/secrets/{name}", json={"value": "x"})
                assert put.status_code == (400 if way == "t-bob" else 403)
                got = await api.get(f"/api/v1/projects/hops/secrets/{name}")
                assert got.status_code == 404


@pytest.mark.parametrize("user", ["zoë", "зоя", "50%25", "zoe@example.org"])
async def test_livy_reads_secrets_for_people_of_any_name(web: Web, user: str) -> None:
    secret = {"value": "of-hops", "project": "hops"}
    async with web.api("t-ada") as api:
        assert (await api.put("/api/v1/secrets/shared", json=secret)).is_success
    await web.projects.add_member("hops", user, "data_scientist")
    session = Session(1, "hops", user, CreateSession(), now())
    livy = PlatformSecrets(web.platform.model_copy(update={"web_url": web.url}))
    try:
        assert await livy.read(session, "shared", None) == "of-hops"
        session.owner = "somebody-else-" + user
        with pytest.raises(NotFound):
            await livy.read(session, "shared", None)
    finally:
        await livy.close()
        await web.projects.remove_member("hops", user, "ada")
        async with web.api("t-ada") as api:
            await api.delete("/api/v1/secrets/shared")


async def test_figures_are_for_administrators(web: Web) -> None:
    for token, reads in (("t-root", True), ("s-root-hops", False), ("t-ada", False)):
        async with web.api(token) as api:
            assert (await api.get("/api/v1/access")).json()["reads_metrics"] is reads


@pytest.mark.parametrize("pending", ["spawn", "stop"])
async def test_a_project_that_cannot_be_deleted_keeps_its_sessions(web: Web, pending: str) -> None:
    outside = web.outside
    outside.servers["bob", "hops"] = {
        "ready": False,
        "pending": pending,
        "url": "/",
        "started": "now",
    }
    outside.sessions |= {5: "bob", 6: "ada"}
    outside.asked.clear()
    try:
        async with web.api("t-ada") as api:
            answer = await api.delete("/api/v1/projects/hops")
        assert (answer.status_code, outside.asked) == (409, [])
        assert "bob" in answer.json()["error"]
        assert outside.sessions == {5: "bob", 6: "ada"}
    finally:
        outside.servers.clear()
        outside.sessions.clear()


@pytest.mark.parametrize("token", ["t-ädä", "x" * 5000, "a\tb", "t-ada\x80"])
async def test_a_token_that_cannot_be_one_is_401(web: Web, token: str) -> None:
    async with web.api(None) as api:
        headers = {"Authorization": f"Bearer {token}".encode()}
        assert (await api.get("/api/v1/me", headers=headers)).status_code == 401


@pytest.mark.parametrize("path", ["api/health", "api/v1/me", "projects/", "nowhere", "projects/x"])
async def test_every_answer_has_security_headers(web: Web, path: str) -> None:
    async with web.api(None) as api:
        answer = await api.get(path)
    for name in ("Content-Security-Policy", "X-Frame-Options", "X-Content-Type-Options"):
        assert len(answer.headers.get_list(name)) == 1, name
    assert "referrer-policy" in answer.headers


async def test_the_access_door(web: Web) -> None:
    url = "/api/v1/projects/hops/access"
    expected = {"project": "hops", "user": "bob", "role": "data_scientist", "admin": False}
    expected |= {"manages_sessions": False}
    async with web.api("t-bob") as api:
        assert (await api.get(url)).json() == expected | {"server": None}
    async with web.api("s-bob-hops") as api:
        assert (await api.get(url)).json() == expected | {"server": "hops"}
    # An administrator's own token manages sessions, the token of their Jupyter server does not.
    await web.projects.add_member("hops", "root", "data_scientist")
    for token, manages in (("t-root", True), ("s-root-hops", False)):
        async with web.api(token) as api:
            assert (await api.get(url)).json()["manages_sessions"] is manages
    await web.projects.remove_member("hops", "root", "ada")
    for token, status in (("s-bob-other", 404), ("t-eve", 404), ("t-nobody", 401), ("x", 401)):
        async with web.api(token) as api:
            assert (await api.get(url)).status_code == status


async def test_a_deputy_token_opens_the_access_door_of_its_project_only(web: Web) -> None:
    seal = Seal(web.platform.cookie_secret.get_secret_value())
    async with web.api(seal.deputy("eve", "hops")) as api:
        assert (await api.get("/api/v1/projects/hops/access")).json()["user"] == "eve"
        assert (await api.get("/api/v1/projects/other/access")).status_code == 404
        assert (await api.get("/api/v1/projects/hops")).status_code == 401
        assert (await api.get("/api/v1/me")).status_code == 401
    async with web.api(Seal("another secret").deputy("eve", "hops")) as api:
        assert (await api.get("/api/v1/projects/hops/access")).status_code == 401


async def test_jupyter_settings_and_server(web: Web) -> None:
    async with web.api("t-bob") as api:
        base = "/api/v1/projects/hops/jupyter"
        wrong = await api.put(base + "/settings", json={"cores": 0, "hours": 1})
        assert wrong.status_code == 422
        assert set(wrong.json()["fields"]) == {"cores", "hours"}
        right = await api.put(base + "/settings", json={"hours": 24})
        assert right.json()["hours"] == 24
        await web.jupyter.plan_server("bob", "hops")
        started = await api.post(base + "/server")
        assert (started.status_code, started.json()["state"]) == (202, "running")
        assert (await api.post(base + "/server/extend")).status_code == 200
        assert (await api.delete(base + "/server")).status_code == 202
        await web.jupyter.report("bob", "hops", state="stopped")
        assert (await api.get(base + "/server")).json()["state"] == "stopped"


async def test_invitations(web: Web) -> None:
    async with web.api("t-root") as api:
        made = await api.post("/api/v1/invitations", json={"name": "max"})
        assert made.json()["link"].startswith("http://hopyard.example/hub/welcome#")
        (one,) = [i for i in (await api.get("/api/v1/invitations")).json() if i["user"] == "max"]
        assert (await api.delete(f"/api/v1/invitations/{one['id']}")).status_code == 204


async def test_an_account_that_exists_is_not_invited(web: Web) -> None:
    async with web.api("t-root") as api:
        refused = await api.post("/api/v1/invitations", json={"name": " ADA "})
        assert refused.status_code == 409
        assert "There is an account 'ada' already" in refused.json()["error"]
        assert not [i for i in (await api.get("/api/v1/invitations")).json() if i["user"] == "ada"]
        made = await api.post("/api/v1/password-links", json={"name": "ada"})
        assert made.status_code == 201
        token = made.json()["link"].partition("#")[2]
        assert (await web.accounts.redeem(token)).user == "ada"
        nobody = await api.post("/api/v1/password-links", json={"name": "nobody"})
        assert nobody.status_code == 404
    lines = [json.loads(line) for line in audit.audit_log(web.settings).read_text().splitlines()]
    assert [(one["who"], one["user"]) for one in lines if "password" in one["what"]] == [
        ("root", "ada")
    ]
    assert token not in audit.audit_log(web.settings).read_text()
    async with web.api("t-bob") as api:
        assert (await api.post("/api/v1/password-links", json={"name": "ada"})).status_code == 403


async def test_invited_people_can_be_members_before_they_accept(web: Web) -> None:
    async with web.api("t-ada") as api:
        path = "/api/v1/projects/hops/members/mia"
        assert (await api.put(path, json={})).status_code == 400
        await web.accounts.invite("mia", False, "root")
        assert (await api.put(path, json={})).status_code == 200
        assert (await api.delete(path)).status_code == 204


async def test_health_and_documentation_need_no_sign_in(web: Web) -> None:
    async with web.api(None) as api:
        assert (await api.get("/api/health")).json()["status"] == "ok"
        assert (await api.get("/api/openapi.json")).json()["info"]["title"] == "Hopyard"
        assert "/api/v1/projects/{project}/access" in (await api.get("/api/docs")).text
        nothing = await api.get("/api/v1/nothing")
        assert (nothing.status_code, list(nothing.json())) == (404, ["error"])


async def test_a_token_that_was_made_for_less_stays_worth_less(web: Web) -> None:
    async with web.api("r-ada") as api:
        for path in ("/me", "/projects", "/projects/hops", "/projects/hops/access"):
            answer = await api.get("/api/v1" + path)
            assert answer.status_code == 403 and "access:services" in answer.json()["error"]
