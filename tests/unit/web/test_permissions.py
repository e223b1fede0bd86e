"""Walks every route of the application: who gets in, by the one table of permissions."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts

from hopyard.projects.scopes import PERMISSIONS, Role, Scope
from hopyard.settings import Platform, Settings
from hopyard.web.app import create_app
from hopyard.web.deps import Allow, public
from tests.unit.web.around import Web

VALUES = {
    "project": "hops",
    "user": "nobody",
    "session": "7",
    "number": "7",
    "statement": "3",
    "invitation": "999999",
}
VALUES |= {"source": "session-7", "path": "jobs/", "tour": "nowhere", "name": "key"}
VALUES["rescue"] = "20260101T000000000000Z"


@dataclass(frozen=True)
class Way:
    """One method of one route."""

    method: str
    path: str
    permissions: tuple[str, ...]

    @property
    def url(self) -> str:
        path = self.path.replace("{path:path}", "{path}")
        return path.format(**VALUES) + "?source=session-7&text=x&end=0"

    @property
    def api(self) -> bool:
        return self.path.startswith("/api/")

    @property
    def scope(self) -> Scope:
        return PERMISSIONS[self.permissions[0]].scope


def _permissions(dependant: Dependant) -> Iterator[str]:
    for one in dependant.dependencies:
        if isinstance(one.call, Allow):
            yield one.call.permission
        elif one.call is public:
            yield "public"
        yield from _permissions(one)


def application() -> FastAPI:
    """Web that serves nobody."""
    platform = Platform(
        public_url="http://x/",
        proxy_api_url="http://x/",
        hub_url="http://x/",
        web_url="http://x/",
        livy_url="http://x/",
        proxy_token="a",
        web_token="a",
        livy_token="a",
        cli_token="a",
        cookie_secret="aa",
    )
    return create_app(Settings(data_dir=Path(tempfile.gettempdir()) / "unused"), platform)


def _ways() -> list[Way]:
    ways = []
    for context in iter_route_contexts(application().routes):
        route = context.original_route
        if isinstance(route, APIRoute):
            granted = tuple(_permissions(context.dependant))
            for method in sorted(context.methods or ()):
                ways.append(Way(method, context.path, granted))
    return ways


WAYS = _ways()
IN_PROJECT = [w for w in WAYS if w.scope is Scope.PROJECT]
CLOSED = [w for w in WAYS if w.scope is not Scope.PUBLIC]


def _name(way: Way) -> str:
    return f"{way.method} {way.path}"


def test_there_are_routes_of_each_kind() -> None:
    assert len([w for w in IN_PROJECT if w.api]) > 15
    assert len([w for w in IN_PROJECT if not w.api]) > 15


@pytest.mark.parametrize("way", WAYS, ids=_name)
def test_each_route_declares_one_permission(way: Way) -> None:
    assert len(way.permissions) == 1


def test_each_project_route_names_the_project() -> None:
    assert all("{project}" in way.path for way in IN_PROJECT)
    assert all("{project}" not in way.path for way in WAYS if way.scope is not Scope.PROJECT)


async def _ask(web: Web, way: Way, name: str | None) -> tuple[int, str]:
    accept = {"Accept": "text/html"}
    opened = web.api(f"t-{name}" if name else None) if way.api else web.browser(name)
    async with opened as client, client.stream(way.method, way.url, headers=accept) as answer:
        return answer.status_code, answer.headers.get("location", "")


@pytest.mark.parametrize("way", CLOSED, ids=_name)
async def test_nobody_is_asked_to_sign_in(web: Web, way: Way) -> None:
    status, location = await _ask(web, way, None)
    if way.api:
        assert status == 401
    else:
        assert status == 303
        assert location.startswith("/projects/login")


@pytest.mark.parametrize("way", IN_PROJECT, ids=_name)
async def test_who_is_no_member_finds_nothing(web: Web, way: Way) -> None:
    assert (await _ask(web, way, "eve"))[0] == 404
    assert (await _ask(web, way, "root"))[0] == 404  # an administrator is no member either


@pytest.mark.parametrize("way", IN_PROJECT, ids=_name)
async def test_a_data_scientist_may_what_the_table_says(web: Web, way: Way) -> None:
    allowed = Role.DATA_SCIENTIST in PERMISSIONS[way.permissions[0]].roles
    status, _ = await _ask(web, way, "bob")
    assert (status == 403) != allowed
    assert status < 500


@pytest.mark.parametrize("way", [w for w in WAYS if w.scope is Scope.ADMINISTRATOR], ids=_name)
async def test_only_administrators_manage_people(web: Web, way: Way) -> None:
    assert (await _ask(web, way, "ada"))[0] == 403
    assert (await _ask(web, way, "root"))[0] != 403


@pytest.mark.parametrize("way", [w for w in CLOSED if w.api], ids=_name)
async def test_a_servers_own_token_may_what_the_table_says(web: Web, way: Way) -> None:
    allowed = PERMISSIONS[way.permissions[0]].by_server
    async with web.api("s-bob-hops") as client:
        status = (await client.request(way.method, way.url)).status_code
    assert (status == 403) != allowed
    if way.scope is Scope.PROJECT:
        async with web.api("s-bob-other") as client:
            assert (await client.request(way.method, way.url)).status_code == 404
