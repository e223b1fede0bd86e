"""The routes of the proxy and the hosts of members, as the Hub is told of them."""

from __future__ import annotations

from typing import Any

import pytest
from traitlets.config import Config

from hopyard.hub import configure
from hopyard.settings import Platform, Settings

URLS = ("proxy_api_url", "hub_url", "web_url", "livy_url")
SECRETS = ("proxy_token", "web_token", "livy_token", "cli_token", "cookie_secret")


def told(user_hosts: str) -> Any:
    values: dict[str, Any] = {name: f"http://127.0.0.1:{n}/" for n, name in enumerate(URLS, 1)}
    values |= dict.fromkeys(SECRETS, "secret")
    platform = Platform(public_url="http://localhost:8000/", user_hosts=user_hosts, **values)
    config = Config()
    config.JupyterHub.tornado_settings = {}
    configure._addresses(config, Settings(), platform)
    return config


def test_routes_have_a_host_where_members_have() -> None:
    config = told("*.localhost")
    routes = config.ConfigurableHTTPProxy.extra_routes
    assert routes["localhost/projects/"] == "http://127.0.0.1:3"
    assert routes["127.0.0.1/livy/"] == "http://127.0.0.1:4"
    assert routes["127.0.0.1/hub/api/"] == "http://127.0.0.1:2"
    assert "127.0.0.1/projects/" not in routes  # a cookie there would be of another host
    assert config.JupyterHub.hub_routespec == "localhost/"
    assert config.JupyterHub.tornado_settings["domain"] == ""


def test_routes_are_paths_where_all_is_at_one_host() -> None:
    config = told("")
    assert set(config.Proxy.extra_routes) == {"/projects/", "/api/", "/livy/"}
    assert "subdomain_host" not in config.JupyterHub


@pytest.mark.parametrize(
    ("pattern", "name", "host"),
    [
        ("*.localhost", "ada", "ada.localhost"),
        ("notebooks.example", "ada", "notebooks.example"),
        ("*.localhost", "spark--demo-a1", "u-sparkdem--"),  # never the host of a Spark UI
        ("*.localhost", "a.b@c", "u-abc--"),
    ],
)
def test_each_name_is_one_label(pattern: str, name: str, host: str) -> None:
    hook = told(pattern).JupyterHub.subdomain_hook
    found = hook(name, "", "user")
    assert found.startswith(host)
    assert found.removesuffix(pattern.removeprefix("*")).count(".") in (0, 1)
