from __future__ import annotations

import asyncio
import re
import time

import pytest

from tests.unit.web.around import Web

PAGES = [
    "/projects/",
    "/projects/hops/jupyter",
    "/projects/hops/members",
    "/projects/hops/settings",
    "/projects/hops/logs",
    "/projects/none/jupyter",
]


@pytest.mark.parametrize("path", PAGES)
async def test_pages_load_nothing_from_elsewhere_and_have_no_inline_code(
    web: Web, path: str
) -> None:
    async with web.browser("ada") as browser:
        page = await browser.get(path)
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-store"
    assert not re.search(r"<script(?![^>]*\bsrc=\"/projects/static/)", page.text)
    assert not re.search(r"<style|\sstyle=|\son\w+=|https?://", page.text)
    assert "<harvest>" not in page.text


async def test_each_asset_of_a_page_is_there_and_may_be_kept(web: Web) -> None:
    async with web.browser("ada") as browser:
        page = await browser.get("/projects/hops/logs")
        for asset in set(re.findall(r'"(/projects/static/[^"]+)"', page.text)):
            answer = await browser.get(asset)
            if "/vendor/" not in asset:  # copied from npm's packages by `make setup`
                assert answer.status_code == 200, asset
                assert "immutable" in answer.headers["cache-control"]


async def test_the_cookie_is_for_the_pages_only(web: Web) -> None:
    async with web.browser("ada") as browser:
        (cookie,) = [c for c in browser.cookies.jar if c.name == "hopyard-session"]
        assert cookie.path == "/projects/"
        assert cookie.has_nonstandard_attr("HttpOnly")
        assert "t-ada" not in str(cookie.value)
        browser.cookies.set("hopyard-session", str(cookie.value), path="/")
        assert (await browser.get("/api/v1/me")).status_code == 401
    async with web.api("t-ada") as client:
        assert (await client.get("/projects/")).status_code == 303


async def test_a_forged_request_is_refused(web: Web) -> None:
    async with web.browser("ada") as browser:
        token = browser.headers.pop("X-CSRF-Token")
        form = {"name": "forged"}
        assert (await browser.post("/projects/", data=form)).status_code == 403
        for origin in ("https://evil.example", "null", ""):
            headers = {"Origin": origin, "X-CSRF-Token": token}
            assert (await browser.post("/projects/", data=form, headers=headers)).status_code == 403
        headers = {"Sec-Fetch-Site": "same-site", "X-CSRF-Token": token}
        assert (await browser.post("/projects/", data=form, headers=headers)).status_code == 403
        assert not [m for m in await web.projects.mine("ada") if m.project.name == "forged"]
        made = await browser.post("/projects/", data={"name": "honest", "csrf": token})
        assert made.headers["location"] == "/projects/honest/jupyter"
    await web.projects.delete("honest", "ada")


@pytest.mark.parametrize(
    ("wish", "target"),
    [
        ("/projects/hops/logs?source=session-7", "/projects/hops/logs?source=session-7"),
        ("//evil.example", "/projects/"),
        ("https://evil.example/projects/", "/projects/"),
        ("/projects/\\evil.example", "/projects/"),
        ("/hub/logout", "/projects/"),
    ],
)
async def test_sign_in_leads_to_our_own_pages_only(web: Web, wish: str, target: str) -> None:
    async with web.browser(None) as browser:
        start = await browser.get("/projects/login", params={"next": wish})
        state = start.headers["location"].split("state=")[1]
        back = await browser.get(f"/projects/oauth_callback?code=ada&state={state}")
        assert back.headers["location"] == target


async def test_a_sign_in_that_began_elsewhere_is_not_taken(web: Web) -> None:
    async with web.browser(None) as browser:
        back = await browser.get("/projects/oauth_callback?code=ada&state=made-up-by-another")
        assert back.headers["location"] == "/projects/"
        assert (await browser.get("/projects/")).status_code == 303


async def test_a_revoked_token_leads_to_the_sign_in(web: Web) -> None:
    from hopyard.identity import hub

    async with web.browser("bob") as browser:
        web.outside.revoked.add("t-bob")
        try:
            for _ in range(int(hub.CACHE_SECONDS * 4) + 4):
                answer = await browser.get("/projects/hops/members")
                if answer.status_code == 303:
                    break
                await asyncio.sleep(0.25)
            assert answer.headers["location"] == "/projects/login?next=/projects/hops/members"
        finally:
            web.outside.revoked.clear()


async def test_start_saves_and_asks_in_the_persons_name(web: Web) -> None:
    web.outside.asked.clear()
    async with web.browser("bob") as browser:
        htmx = {"HX-Request": "true"}
        wrong = {"mode": "spark", "driver_memory": "12"}
        answer = await browser.post("/projects/hops/jupyter/start", data=wrong, headers=htmx)
        assert answer.status_code == 422
        assert 'id="fault-driver_memory"' in answer.text and "1024 to 65536 MB" in answer.text
        assert web.outside.asked == []
        right = {"mode": "spark", "driver_memory": "4096", "interface": "classic"}
        for _ in range(2):
            answer = await browser.post("/projects/hops/jupyter/start", data=right, headers=htmx)
            assert answer.status_code == 200
        assert web.outside.asked == [("POST", "bob/hops", "t-bob")] * 2
        assert (await web.jupyter.recall("bob", "hops")).driver_memory == 4096
        await web.jupyter.plan_server("bob", "hops")
        page = (await browser.get("/projects/hops/jupyter")).text
        assert "/user/bob/hops/nbclassic/tree" in page
        assert "6 h 0 min left" in page
        assert (await browser.post("/projects/hops/jupyter/stop", headers=htmx)).status_code == 204
        assert web.outside.asked[-1] == ("DELETE", "bob/hops", "t-bob")


async def test_page_says_why_a_server_ended_by_itself(web: Web) -> None:
    await web.jupyter.plan_server("ada", "hops")
    await web.jupyter.report("ada", "hops", state="stopped", error="Its time was up.")
    async with web.browser("ada") as browser:
        assert "Its time was up. Start opens" in (await browser.get("/projects/hops/jupyter")).text
        await web.jupyter.report("ada", "hops", state="stopped")
        assert "Its time" not in (await browser.get("/projects/hops/jupyter")).text


@pytest.mark.parametrize(
    ("form", "shown"),
    [
        ("/projects/hops/jupyter/stop", "/projects/hops/jupyter"),
        ("/projects/hops/members/remove", "/projects/hops/members"),
        ("/projects/secrets/delete", "/projects/secrets"),
        ("/projects/people/revoke", "/projects/people"),
    ],
)
async def test_address_of_a_form_that_is_asked_anew_leads_to_its_page(
    web: Web, form: str, shown: str
) -> None:
    async with web.browser("ada") as browser:
        answer = await browser.get(form)
        assert (answer.status_code, answer.headers["location"]) == (303, shown)
        assert (await browser.get(form, headers={"HX-Request": "true"})).status_code == 405


async def test_a_failed_start_says_why_and_points_to_the_log(web: Web) -> None:
    web.outside.refusal = "No memory is left on this machine."
    await web.jupyter.plan_server("ada", "hops")
    try:
        async with web.browser("ada") as browser:
            await browser.post("/projects/hops/jupyter/start", data={"mode": "python"})
            page = (await browser.get("/projects/hops/jupyter")).text
        assert "The start failed." in page and "No memory is left on this machine." in page
    finally:
        web.outside.refusal = ""
        await web.jupyter.report("ada", "hops", state="stopped")


async def test_the_stream_sends_what_changed(web: Web) -> None:
    web.outside.sessions[41] = "ada"
    web.outside.sessions[42] = "bob"
    async with web.browser("ada") as browser:
        url = "/projects/hops/jupyter/events"
        async with asyncio.timeout(15), browser.stream("GET", url) as answer:
            lines = answer.aiter_lines()
            seen = ""
            async for line in lines:
                seen += line + "\n"
                if "event: server" in seen and "application 41" in seen:
                    break
            assert "application 42" not in seen
            await browser.post("/projects/hops/jupyter/applications/41/stop")
            assert 41 not in web.outside.sessions and 42 in web.outside.sessions
            async for line in lines:
                if "None. In mode Spark" in line:
                    break
    web.outside.sessions.clear()


async def test_the_spark_ui_is_streamed_with_the_persons_token(web: Web) -> None:
    web.outside.sessions[7] = "ada"
    base = "/projects/hops/applications/7/ui/"
    async with web.browser("ada") as browser:
        answer = await browser.get(base + "jobs/?id=1&x=a%20b")
        assert answer.text == "GET jobs/ id=1&x=a%20b "
        assert answer.headers["x-spark"] == "yes" and "set-cookie" not in answer.headers
        assert web.outside.seen["authorization"] == "Bearer t-ada"
        assert "cookie" not in web.outside.seen
        browser.headers.pop("X-CSRF-Token")  # Spark's own forms do not have it
        answer = await browser.post(base + "jobs/job/kill/", content=b"id=1")
        assert answer.text == "POST jobs/job/kill/  id=1"
        headers = {"Origin": "https://evil.example"}
        assert (await browser.post(base + "kill/", headers=headers)).status_code == 403
    async with web.browser("bob") as browser:
        answer = await browser.get(base, headers={"Accept": "text/html"})
        assert answer.status_code == 404 and "is not yours" in answer.text
    web.outside.sessions.clear()


@pytest.mark.parametrize(
    "path",
    [
        "..%2fstatements",
        "%2e%2e%2fstatements",
        "a%2f..%2f..%2fstatements",
        "..%5cstatements",
        "%252e%252e%252fstatements",
        "..;%2fstatements",
        "..%00",
    ],
)
async def test_the_address_of_a_spark_ui_leads_nowhere_else(web: Web, path: str) -> None:
    web.outside.sessions[7] = "ada"
    web.outside.seen.clear()
    async with web.browser("ada") as browser:
        del browser.headers["X-CSRF-Token"]
        answer = await browser.post(
            f"/projects/hops/applications/7/ui/{path}", json={"code": "1", "kind": "pyspark"}
        )
        kept = await browser.get("/projects/hops/applications/7/ui/a%20b/?x=%2e")
    web.outside.sessions.clear()
    assert answer.status_code == 400
    assert "ran" not in web.outside.seen
    assert kept.text.startswith("GET a b/ x=%2e")


async def test_whole_output_of_a_cell_is_shown_to_its_owner_alone(web: Web) -> None:
    web.outside.sessions[7] = "ada"
    page = "/projects/hops/applications/7/statements/3/text"
    async with web.browser("ada") as browser:
        answer = await browser.get(page)
        assert answer.text == "<b>line</b>\n" * 3
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.headers["x-content-type-options"] == "nosniff"
    async with web.browser("bob") as browser:
        answer = await browser.get(page, headers={"Accept": "text/html"})
        assert answer.status_code == 404 and "is not yours" in answer.text
    async with web.browser(None) as browser:
        assert (await browser.get(page)).status_code in (302, 303, 307, 401)
    web.outside.sessions.clear()


async def test_logs_are_shown_followed_searched_and_downloaded(web: Web) -> None:
    file = web.settings.user_logs("hops", "ada") / "sessions" / "7" / "driver.log"
    file.parent.mkdir(parents=True)
    file.write_text("<b>one</b>\n")
    base = "/projects/hops/logs"
    async with web.browser("ada") as browser:
        page = (await browser.get(base + "?source=session-7")).text
        assert "&lt;b&gt;one" in page
        url = f"{base}/events?source=session-7&offset=0"
        async with asyncio.timeout(15), browser.stream("GET", url) as answer:
            seen = ""
            async for line in answer.aiter_lines():
                seen += line
                if "one" in line:
                    with file.open("a") as stream:
                        stream.write("two\n")
                if "two" in line:
                    break
        found = await browser.get(base + "/search?source=session-7&text=TWO")
        assert found.json() == {"hits": [{"offset": 11, "line": "two"}]}
        whole = await browser.get(base + "/download?source=session-7")
        assert whole.text == "<b>one</b>\ntwo\n"
        assert "attachment" in whole.headers["content-disposition"]
    async with web.browser("bob") as browser:
        assert (await browser.get(base + "/download?source=session-7")).status_code == 404


async def test_an_administrator_invites_and_the_link_is_shown_once(web: Web) -> None:
    async with web.browser("root") as browser:
        page = (await browser.post("/projects/people", data={"name": "Zoe"})).text
        link = re.search(r'value="(http://hopyard\.example/hub/welcome#([^"]+))"', page)
        assert link
        assert (await web.accounts.look(link[2])).user == "zoe"
        assert link[2] not in (await browser.get("/projects/people")).text


async def test_jupyter_page_does_not_wait_for_a_silent_livy(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hopyard.web.routes.pages.jupyter.PART_SECONDS", 0.3)
    monkeypatch.setattr(web.outside, "silent", 3.0)
    async with web.browser("ada") as browser:
        begun = time.monotonic()
        page = await browser.get("/projects/hops/jupyter")
        assert time.monotonic() - begun < 2.5
    assert page.status_code == 200
    assert "The Livy server did not answer within 0.3 s." in page.text
