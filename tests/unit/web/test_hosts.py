"""Which host what is served under, and what lets a person over to a Spark UI's host."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from hopyard.settings import Platform, Settings
from hopyard.store.engine import make_engine
from hopyard.web.app import create_app
from hopyard.web.hosts import NOT_YET, TICKET, UI_COOKIE, ui_place
from hopyard.web.seal import CookieSession, Seal

OWN = "http://hopyard.example:8000/"
UI = "/projects/demo/applications/7/ui"
UI_HOST = "http://spark--demo-a7.hopyard.example:8000"


def platform(user_hosts: str) -> Platform:
    urls: dict[str, Any] = dict.fromkeys(
        ("proxy_api_url", "hub_url", "web_url", "livy_url"), "http://127.0.0.1:9/"
    )
    secrets = dict.fromkeys(
        ("proxy_token", "web_token", "livy_token", "cli_token", "cookie_secret"), "secret"
    )
    return Platform(public_url=OWN, user_hosts=user_hosts, **urls, **secrets)


@pytest.fixture
async def browser(tmp_path: Path) -> httpx.AsyncClient:
    settings = Settings(data_dir=tmp_path)
    make_engine(settings.database)
    app = create_app(settings, platform("*.hopyard.example"))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app))


@pytest.mark.parametrize(
    ("path", "host"),
    [
        (UI, "spark--demo-a7.people.example"),
        (f"{UI}/jobs/", "spark--demo-a7.people.example"),
        ("/projects/demo/batches/7/ui/", "spark--demo-b7.people.example"),
        ("/projects/demo/applications/7/uis", None),
        ("/projects/demo/applications/7", None),
        ("/projects/a.b/applications/7/ui/", None),
        ("/x/projects/demo/applications/7/ui/", None),
    ],
)
def test_each_spark_ui_has_a_host(path: str, host: str | None) -> None:
    place = ui_place(platform("*.people.example"), path)
    assert (place.host if place else None) == host
    assert ui_place(platform(""), path) is None


def test_ticket_opens_one_ui_and_no_page() -> None:
    seal, session = Seal("secret"), CookieSession("ada", "token", "csrf")
    ticket = seal.ticket(session, UI)
    assert seal.open_ticket(ticket, UI) == session
    assert seal.open_ticket(ticket, "/projects/demo/applications/8/ui") is None
    assert seal.open_ui_session(ticket, UI) is None
    cookie = seal.ui_session(session, UI)
    assert seal.open_ui_session(cookie, UI) == session
    assert seal.open_session(cookie) is None
    assert seal.open_ticket(cookie, UI) is None


async def test_pages_are_at_the_platforms_host_only(browser: httpx.AsyncClient) -> None:
    for host in ("ada.hopyard.example:8000", "127.0.0.1:8000", "evil.example"):
        for path in ("projects/", "hub/login?next=%2Fa", "user/ada/demo/lab", "//evil.example/"):
            answer = await browser.get(f"http://{host}/{path}")
            assert answer.status_code == 307
            assert answer.headers["location"] == OWN + path.lstrip("/")
        posted = await browser.post(f"http://{host}/projects/logout")
        assert posted.status_code == 421
        call = {"Sec-Fetch-Mode": "cors"}
        stopped = await browser.get(f"http://{host}/user/ada/demo/api", headers=call)
        assert stopped.status_code == 424
    assert (await browser.get("http://127.0.0.1/api/health")).status_code != 307


@pytest.mark.parametrize("path", ["hub/token", "hub/api/users", "livy/projects/demo/sessions/1"])
async def test_nothing_is_gone_while_the_proxy_knows_no_way(
    browser: httpx.AsyncClient, path: str
) -> None:
    # A proxy that was started again leads everything to web until the Hub has told it more.
    for method in ("GET", "POST", "DELETE"):
        answer = await browser.request(method, OWN + path)
        assert answer.status_code == 503
        assert answer.json()["msg"] == answer.json()["message"] == NOT_YET
        assert answer.headers["retry-after"] == "1"


async def test_person_comes_over_to_a_spark_ui(browser: httpx.AsyncClient) -> None:
    seal, session = Seal("secret"), CookieSession("ada", "token", "csrf")
    ticket = seal.ticket(session, UI)
    came = await browser.get(f"{UI_HOST}{UI}/jobs/?id=1&{TICKET}={ticket}")
    assert (came.status_code, came.headers["location"]) == (303, f"{UI}/jobs/?id=1")
    (cookie,) = came.headers.get_list("set-cookie")
    assert cookie.startswith(f"{UI_COOKIE}=")
    for word in ("HttpOnly", f"Path={UI}", "SameSite=lax"):
        assert word in cookie
    assert "domain" not in cookie.lower()
    for wrong in (f"{UI_HOST}/projects/demo/applications/8/ui/", f"{OWN.rstrip('/')}{UI}/"):
        refused = await browser.get(wrong, params={TICKET: ticket})
        assert UI_COOKIE not in refused.headers.get("set-cookie", "")
    old = await browser.get(f"{UI_HOST}{UI}/", params={TICKET: "old"})
    assert old.status_code == 303
    assert UI_COOKIE not in old.headers.get("set-cookie", "")
