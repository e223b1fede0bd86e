"""What a member's Jupyter server serves gives nobody's account away."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, expect

from hopyard.settings import folder_of
from tests.e2e import pages
from tests.e2e.browser import visitor
from tests.e2e.conftest import Place
from tests.platform import ADMIN, Hopyard

# A member's own code in the server: it asks nobody to sign in, and shows the cookies it was sent.
OPEN_DOOR = """
from jupyter_server.serverapp import ServerWebApplication
from tornado.web import RequestHandler

class Free(RequestHandler):
    def get(self):
        sent = self.request.headers.get("Cookie", "")
        self.finish(open("/project/Jupyter/page.html").read().replace("SENT", repr(sent)))

real = ServerWebApplication.init_handlers

def init_handlers(self, default_services, settings):
    return [(settings["base_url"] + "free", Free), *real(self, default_services, settings)]

ServerWebApplication.init_handlers = init_handlers
"""
ATTACK = """<!doctype html><title>A nice chart</title>
<iframe name="page" src="MAINprojects/"></iframe><iframe name="hub" src="MAINhub/login"></iframe>
<iframe name="answers"></iframe>
<form method="post" target="answers" action="MAINprojects/PROJECT/members">
<input name="user" value="mallory"><input name="role" value="data_owner"></form>
<script>
async function tried(path, options = {}) {
  try {
    const answer = await fetch("MAIN" + path, {credentials: "include", ...options});
    return answer.type === "opaque" ? "opaque" : (await answer.text()).slice(0, 200);
  } catch (error) { return "refused"; }
}
async function attack() {
  let cookies = "";
  try {
    document.cookie = "hopyard-session=stolen; path=/projects/; domain=localhost";
    document.cookie = "jupyterhub-hub-login=stolen; path=/hub/; domain=localhost";
    cookies = document.cookie;
  } catch (error) { cookies = "none: sandboxed"; }
  const json = {"Content-Type": "application/json"};
  const found = {
    sent: SENT,
    cookies,
    page: await tried("projects/"),
    members: await tried("projects/PROJECT/members"),
    hub: await tried("hub/token"),
    token: await tried("hub/api/users/VICTIM/tokens", {method: "POST", headers: json, body: "{}"}),
    plain: await tried("hub/api/users/VICTIM/tokens",
      {method: "POST", body: "{}", mode: "no-cors"}),
    api: await tried("api/v1/me"),
  };
  document.querySelector("form").submit();
  return JSON.stringify(found);
}
</script>"""


async def minted(hopyard: Hopyard, user: str) -> set[str]:
    """Return the ids of a person's tokens, without those of sign-ins."""
    known = (await hopyard.hub("GET", f"users/{user}/tokens")).json()["api_tokens"]
    return {one["id"] for one in known if one["oauth_client"] == "JupyterHub"}


async def attack(context: BrowserContext, url: str) -> dict[str, Any]:
    """Open a member's page and return what its script found out."""
    page = await context.new_page()
    await page.goto(url)
    await expect(page).to_have_title("A nice chart")
    found: dict[str, Any] = json.loads(await page.evaluate("attack()"))
    await page.wait_for_load_state("networkidle")
    for name in ("page", "hub"):
        frame = page.frame(name)
        assert frame, name
        assert "chrome-error" in frame.url, f"{frame.url} was framed"
    return found


@pytest.mark.parametrize("way", ["free", "files/page.html"])
async def test_a_page_of_a_jupyter_server_cannot_act_as_who_opens_it(
    browser: Browser, hopyard: Hopyard, place: Place, admin: Place, way: str
) -> None:
    # By the open door anybody sees the page; by the other its owner, who was given the file.
    victim = admin if way == "free" else place
    text = ATTACK.replace("MAIN", hopyard.url).replace("VICTIM", victim.user)
    text = text.replace("PROJECT", victim.project)
    (place.project_folder / "Jupyter").mkdir(exist_ok=True)
    (place.project_folder / "Jupyter" / "page.html").write_text(
        text if way == "free" else text.replace("SENT", "''")
    )
    home = hopyard.data_dir / "homes" / folder_of(place.user) / place.project / ".jupyter"
    home.mkdir(parents=True)
    (home / "jupyter_server_config.py").write_text(OPEN_DOOR)
    await hopyard.start_server(place.user, place.project)
    members = f"projects/{victim.project}/members"
    before = (await hopyard.api(victim.user, "GET", members)).json()
    tokens = await minted(hopyard, victim.user)

    async with visitor(browser) as context:
        page = await context.new_page()
        await pages.sign_in(page, victim.url, victim.user, victim.password)
        found = await attack(context, place.server_url + way)
        for name in ("hopyard-session", "jupyterhub-hub-login", "jupyterhub-session-id"):
            assert name not in found["sent"]
            assert name not in found["cookies"]
        for what in ("page", "members", "hub", "token", "api"):
            assert found[what] == "refused", found
        # The browser's own cookies are as they were: the page could not put others in their place.
        await page.goto(victim.url)
        await expect(page.locator("#account")).to_contain_text(victim.user)

    assert (await hopyard.api(victim.user, "GET", members)).json() == before
    assert await minted(hopyard, victim.user) == tokens


async def test_the_platform_is_not_served_under_a_members_host(hopyard: Hopyard) -> None:
    base = f"http://{ADMIN}.localhost:{hopyard.port}/"
    async with hopyard.client() as client:
        for path in ("hub/login", "hub/api/", "projects/", f"user/{ADMIN}/none/lab", ""):
            answer = await client.get(base + path)
            assert answer.status_code == 307, path
            assert answer.headers["location"] == hopyard.url + path
        call = {"Sec-Fetch-Mode": "cors"}
        assert (await client.get(f"{base}user/x/y/api", headers=call)).status_code == 424
        assert (await client.post(f"{base}hub/login")).status_code == 421
        form = await client.get("hub/login")
        cookies = form.headers.get_list("set-cookie")
        assert cookies
        for cookie in cookies:
            assert "domain" not in cookie.lower()
            assert "samesite=lax" in cookie.lower()
