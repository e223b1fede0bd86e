"""Doors of accounts: signing out, wrong passwords, what administrators may and what is recorded."""

from __future__ import annotations

import asyncio
import json
import re
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx
import pytest_asyncio

from hopyard import audit
from hopyard.hub import bodies
from hopyard.hub.configure import HEADERS
from tests.integration.test_platform import accept, forgery_token, sign_in
from tests.platform import ADMIN, DEMO, Hopyard, until

PASSWORD = "long enough for tests"


@dataclass(frozen=True)
class Person:
    """Somebody with a password and a project."""

    name: str
    project: str


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def person(hopyard: Hopyard) -> Person:
    made = Person("olivia", "of-olivia")
    await _new(hopyard, made.name)
    await hopyard.api(made.name, "POST", "projects", json={"name": made.project})
    return made


async def _new(hopyard: Hopyard, name: str) -> None:
    answer = await hopyard.api(ADMIN, "POST", "invitations", json={"name": name})
    assert answer.status_code == 201, answer.text
    async with hopyard.client() as browser:
        done = await accept(browser, answer.json()["link"].partition("#")[2], PASSWORD)
        assert done.status_code == 302, done.text


def _acts(hopyard: Hopyard) -> list[dict[str, str]]:
    return [json.loads(line) for line in audit.audit_log(hopyard.settings).read_text().splitlines()]


async def test_signing_out_ends_the_session_at_the_server(hopyard: Hopyard, person: Person) -> None:
    lab = f"{await hopyard.start_server(person.name, person.project)}lab"
    async with hopyard.client() as browser, hopyard.client() as thief:
        assert (await sign_in(browser, person.name, PASSWORD)).url.path == "/projects/"
        assert str((await browser.get(lab, follow_redirects=True)).url) == lab
        for cookie in browser.cookies.jar:
            thief.cookies.jar.set_cookie(cookie)
        assert (await thief.get(lab)).status_code == 200
        assert (await thief.get("projects/")).status_code == 200
        assert (await thief.get("hub/token")).status_code == 200

        page = (await browser.get("projects/")).text
        csrf = re.search(r'name="csrf" value="([^"]+)"', page)
        assert csrf
        origin = {"Origin": hopyard.url.rstrip("/")}
        gone = await browser.post("projects/logout", data={"csrf": csrf[1]}, headers=origin)
        assert gone.headers["location"] == "/hub/logout"
        assert (await browser.get("hub/logout")).status_code == 302

        assert (await thief.get("hub/token")).headers["location"].startswith("/hub/login")

        async def page_asks() -> bool:
            return (await thief.get("projects/")).status_code == 303

        async def server_asks() -> bool:
            return (await thief.get(lab)).status_code in (302, 403)

        await until("the pages ask to sign in", page_asks, 15)
        await until("the Jupyter server asks to sign in", server_asks, 15)
    await hopyard.stop_server(person.name, person.project)


async def test_a_new_password_ends_what_was_signed_in_with_the_old(hopyard: Hopyard) -> None:
    await _new(hopyard, "paula")
    async with hopyard.client() as browser, hopyard.client() as other:
        await sign_in(browser, "paula", PASSWORD)
        await sign_in(other, "paula", PASSWORD)
        form = forgery_token(await browser.get("hub/change-password"))
        words = {"old": PASSWORD, "password": "x" * 80, "again": "x" * 80, "_xsrf": form}
        assert (await browser.post("hub/change-password", data=words)).status_code == 422
        words |= {"old": "not the old one", "password": "a new password", "again": "a new password"}
        wrong = await browser.post("hub/change-password", data=words)
        assert wrong.status_code == 422
        assert "current password is not right" in wrong.text
        done = await browser.post("hub/change-password", data={**words, "old": PASSWORD})
        assert "is changed" in done.text
        assert (await browser.get("hub/token")).status_code == 200
        assert (await other.get("hub/token")).status_code == 302
    async with hopyard.client() as browser:
        assert (await sign_in(browser, "paula", PASSWORD)).url.path == "/hub/login"
        assert (await sign_in(browser, "paula", "a new password")).url.path == "/projects/"


async def test_wrong_passwords_lock_nobody_out_and_tell_no_names(hopyard: Hopyard) -> None:
    await _new(hopyard, "quinn")

    async def wrong(name: str) -> float:
        async with hopyard.client() as stranger:
            begun = time.monotonic()
            answer = await sign_in(stranger, name, "wrong password")
            assert answer.url.path == "/hub/login"
            assert "Invalid username or password" in answer.text
            return time.monotonic() - begun

    known = min([await wrong("quinn") for _ in range(3)])
    unknown = min([await wrong(f"nobody{number}") for number in range(3)])
    assert 0.5 * known < unknown < 2 * known
    assert await wrong("q" * 5000) > 0.5 * known
    for _ in range(5):
        await wrong("quinn")
    async with hopyard.client() as browser:
        assert (await sign_in(browser, "quinn", PASSWORD)).url.path == "/projects/"
    async with hopyard.client() as browser:  # no other way in is faster
        login = {"auth": {"username": "quinn", "password": "wrong"}}
        refused = await browser.post("hub/api/users/quinn/tokens", json=login)
        assert refused.status_code == 403


async def test_notebook_makes_up_no_address_for_its_wrong_passwords(hopyard: Hopyard) -> None:
    """At the Hub's own port, which code in a sandbox reaches, headers are nobody's word."""
    await _new(hopyard, "rita")
    base = hopyard.platform.hub_url
    waited = 0.0
    for number in range(9):
        async with httpx.AsyncClient(base_url=base, trust_env=False, timeout=60) as notebook:
            notebook.headers["X-Forwarded-For"] = f"10.9.8.{number}"
            begun = time.monotonic()
            answer = await sign_in(notebook, "rita", "wrong password")
            assert answer.status_code in (200, 403)
            waited = max(waited, time.monotonic() - begun)
    assert waited > 2
    async with hopyard.client() as browser:  # it delays nobody else
        begun = time.monotonic()
        assert (await sign_in(browser, "rita", PASSWORD)).url.path == "/projects/"
        assert time.monotonic() - begun < 2 * waited


async def test_administrators_have_no_way_into_others_work(
    hopyard: Hopyard, person: Person
) -> None:
    address = await hopyard.start_server(person.name, person.project)
    async with hopyard.client(await hopyard.token(ADMIN)) as admin:
        for path in ("api/contents", "api/kernels", "lab"):
            assert (await admin.get(address + path)).status_code in (403, 404), path
        user = f"hub/api/users/{person.name}"
        assert (await admin.post(f"{user}/tokens", json={})).status_code in (403, 404)
        assert (await admin.get(f"{user}/tokens")).status_code in (403, 404)
        assert (await admin.post(f"{user}/servers/other")).status_code in (403, 404)
        share = await admin.post(f"hub/api/shares/{person.name}/{person.project}", json={})
        assert share.status_code in (403, 404)
        service = {"api_token": "x" * 32, "oauth_redirect_uri": "/x"}
        assert (await admin.post("hub/api/services/mine", json=service)).status_code in (403, 404)
        assert (await admin.get(f"hub/change-password/{person.name}")).status_code == 404
        assert (await admin.get(f"api/v1/projects/{person.project}")).status_code == 404
        livy = await admin.get(f"livy/projects/{person.project}/sessions")
        assert livy.status_code == 404
        # Ending a server is an administrator's work, and is written down.
        assert (await admin.get(user)).status_code == 200
        ended = await admin.delete(f"{user}/servers/{person.project}")
        assert ended.status_code in (202, 204)
    await hopyard.stop_server(person.name, person.project)
    act = _acts(hopyard)[-1]
    assert act["who"] == ADMIN
    assert act["what"] == f"DELETE /{user}/servers/{person.project}"
    # An administrator's own server, in a project of theirs, is as everybody's.
    own = await hopyard.start_server(ADMIN, DEMO)
    async with hopyard.client(await hopyard.token(ADMIN)) as admin:
        assert (await admin.get(f"{own}api/contents")).status_code == 200
    await hopyard.stop_server(ADMIN, DEMO)


async def test_each_answer_of_the_hub_has_security_headers(hopyard: Hopyard) -> None:
    async with hopyard.client() as stranger:
        answers = [
            await stranger.get("hub/login"),
            await stranger.get("hub/home"),
            await stranger.get("hub/api/"),
            await stranger.get("hub/api/user"),
            await stranger.get("hub/nothing-here"),
            await stranger.post("hub/login", data={"username": ADMIN}),
        ]
    assert [one.status_code for one in answers] == [200, 302, 200, 403, 404, 403]
    for one in answers:
        said = {name: one.headers.get(name) for name in HEADERS}
        assert said == HEADERS, (one.url, said)
        assert "frame-ancestors" in one.headers["content-security-policy"], one.url


async def test_hub_reads_no_large_body_of_a_stranger(hopyard: Hopyard) -> None:
    address = urlsplit(hopyard.platform.hub_api_url)
    line = f"POST /hub/login HTTP/1.1\r\nHost: {address.netloc}\r\n"
    for size, taken in ((bodies.LIMIT, True), (bodies.LIMIT + 1, False), (300_000_000, False)):
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        try:
            writer.write(f"{line}Content-Length: {size}\r\n\r\n".encode())
            await writer.drain()
            if taken:
                writer.write(bytes(size))
                await writer.drain()
            # What is too large is answered before any of it came.
            head = await asyncio.wait_for(reader.readline(), 20)
            assert head.startswith(b"HTTP/1.1 403" if taken else b"HTTP/1.1 400"), (size, head)
        finally:
            writer.close()


async def test_account_whose_name_is_another_address_is_refused_by_name(hopyard: Hopyard) -> None:
    for name in ("DOMAIN\\user", "a%2eb", "a/b", ".."):
        answer = await hopyard.hub("POST", "users", json={"usernames": [name]})
        assert answer.status_code == 400, answer.text
        assert answer.json()["message"].lower() == f"invalid username: {name}".lower()
        asked = await hopyard.api(ADMIN, "POST", "invitations", json={"name": name})
        assert asked.status_code == 400
        assert "1 to 64 of a-z, 0-9 and . _ @ + -" in asked.json()["error"]


async def test_welcome_names_the_account(hopyard: Hopyard) -> None:
    answer = await hopyard.api(ADMIN, "POST", "invitations", json={"name": "rosa"})
    token = answer.json()["link"].partition("#")[2]
    async with hopyard.client() as browser:
        headers = {"X-XSRFToken": forgery_token(await browser.get("hub/welcome"))}

        async def name(token: object) -> httpx.Response:
            ask = "hub/api/hopyard/invited"
            return await browser.post(ask, json={"token": token}, headers=headers)

        assert (await name(token)).json() == {"name": "rosa"}
        assert (await name("wrong")).status_code == 404
        assert (await name(7)).status_code == 404


async def test_what_does_not_answer_is_said_without_guesses(hopyard: Hopyard) -> None:
    async with hopyard.client() as stranger:
        page = (await stranger.get("hub/error/503?url=%2Fprojects%2F")).text
    assert "What you asked for does not answer just now: try again in a few seconds." in page
    assert "Your server appears to be down" not in page
