"""Odd values in every parameter of web."""

from __future__ import annotations

from typing import Any

from tests import odd
from tests.unit.web.around import Web
from tests.unit.web.test_permissions import VALUES, application

BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/api/v1/projects"): {"name": "", "display_name": "x"},
    ("PATCH", "/api/v1/projects/{project}"): {"display_name": "x"},
    ("PUT", "/api/v1/projects/{project}/members/{user}"): {"role": "data_scientist"},
    ("PUT", "/api/v1/secrets/{name}"): {"value": "x", "project": "hops"},
    ("POST", "/api/v1/invitations"): {"name": "max", "admin": False},
    ("PUT", "/api/v1/projects/{project}/jupyter/settings"): {
        **{"mode": "spark", "executors": 1, "hours": 6, "properties": "", "memory": 2048},
        **{"log_level": "WARN", "driver_cores": 1},
    },
    ("PUT", "/api/v1/projects/{project}/repository"): {"url": "https://x.example/a/b", "base": "b"},
}
ENDS = ("/delete", "/logout", "/events", "/follow", "/stream")


async def test_no_odd_value_makes_web_fail(web: Web) -> None:
    routes = application().routes

    def fields(method: str, path: str) -> dict[str, Any]:
        return BODIES.get((method, path), {})

    asked = [
        one
        for one in odd.requests(routes, VALUES, fields)
        if one.method != "DELETE" and not one.path.endswith(ENDS)
    ]
    # What the stand-ins do not know is 503, where the Hub or livy would answer.
    async with web.api("t-ada") as api:
        of_api = (one for one in asked if one.path.startswith("/api/"))
        found = await odd.failures(api, of_api, set())
    async with web.browser("ada") as browser:
        of_pages = (one for one in asked if not one.path.startswith("/api/"))
        found += await odd.failures(browser, of_pages, set())
    assert not found, "\n".join(found)
