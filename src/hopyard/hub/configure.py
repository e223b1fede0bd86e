"""The Hub's configuration, made from the settings."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from jupyterhub.utils import subdomain_hook_idna

from hopyard.hosts import LOCAL, LOOPBACK, host_of
from hopyard.hub import database, roles, sessions
from hopyard.hub.acts import log_and_record
from hopyard.protocol.names import NAME_PATTERN
from hopyard.settings import Platform, Settings

SLOW_SPAWN_SECONDS = 0.5
"""A start is answered after this at the latest; a refusal comes sooner and so has its reason."""
POLL_SECONDS = 5
HEADERS = {
    "X-Frame-Options": "SAMEORIGIN",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}
"""Of each answer; the policy of what pages may load is JupyterHub's own."""


def configure(c: Any, settings: Settings, platform: Platform) -> None:
    """Set everything that Hopyard needs; `hub_config` may change it afterwards."""
    database.install()
    hub = c.JupyterHub
    folder = settings.data_dir / "hub"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    hub.db_url = f"sqlite:///{folder / 'jupyterhub.sqlite'}"
    hub.cookie_secret = bytes.fromhex(platform.cookie_secret.get_secret_value())
    hub.log_level = settings.log_level.upper()
    hub.template_paths = [str(Path(__file__).parent / "templates")]
    hub.template_vars = {"passwords": settings.authenticator == "native"}
    hub.tornado_settings = {
        "slow_spawn_timeout": SLOW_SPAWN_SECONDS,
        "headers": dict(HEADERS),
        "cookie_options": {"samesite": "Lax"},
        "log_function": functools.partial(log_and_record, settings),
    }
    _addresses(c, settings, platform)
    _services(hub, platform)
    _people(c, settings)
    sessions.install()
    _servers(c, settings.git.timeout)


def _addresses(c: Any, settings: Settings, platform: Platform) -> None:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    c.JupyterHub.bind_url = f"http://{host}:{settings.port}/"
    c.JupyterHub.public_url = platform.public_url
    c.JupyterHub.hub_bind_url = platform.hub_url.rstrip("/")
    c.JupyterHub.default_url = "/projects/"
    c.JupyterHub.proxy_class = "jupyterhub.proxy.ConfigurableHTTPProxy"
    c.ConfigurableHTTPProxy.should_start = False
    c.ConfigurableHTTPProxy.api_url = platform.proxy_api_url.rstrip("/")
    c.ConfigurableHTTPProxy.auth_token = platform.proxy_token.get_secret_value()
    c.Proxy.extra_routes = _routes(platform)
    c.ConfigurableHTTPProxy.extra_routes = c.Proxy.extra_routes
    if platform.hosts:
        _hosts(c.JupyterHub, platform)


def _routes(platform: Platform) -> dict[str, str]:
    """Return what the proxy leads to web and livy.

    Programs need not know the platform's name: at 127.0.0.1 they find the APIs, which take tokens
    only. What comes with another host name goes to web, which sends browsers to the right one.
    """
    web, livy = platform.web_url.rstrip("/"), platform.livy_url.rstrip("/")
    if not platform.hosts:
        return {"/projects/": web, "/api/": web, "/livy/": livy}
    own = host_of(platform.public_url)
    routes = {f"{own}/projects/": web}
    for host in {own, LOOPBACK, LOCAL}:
        routes |= {f"{host}/api/": web, f"{host}/livy/": livy}
        routes[f"{host}/hub/api/"] = platform.hub_url.rstrip("/")
    return routes


def _hosts(hub: Any, platform: Platform) -> None:
    """Give members' Jupyter servers hosts of their own; everything else is at the platform's."""

    def host(name: str, domain: str, kind: str) -> str:
        label = subdomain_hook_idna(name, "", kind).rstrip(".")
        return platform.hosts.of(label)

    hub.subdomain_host = platform.public_url.rstrip("/")
    hub.subdomain_hook = host
    hub.hub_routespec = f"{host_of(platform.public_url)}/"
    # JupyterHub's cookie with the session's id would be sent to the members' servers, too.
    hub.tornado_settings["domain"] = ""


def _services(hub: Any, platform: Platform) -> None:
    hub.services = [
        {
            "name": roles.WEB,
            "api_token": platform.web_token.get_secret_value(),
            "oauth_client_id": "service-web",
            "oauth_redirect_uri": "/projects/oauth_callback",
            "oauth_client_allowed_scopes": roles.PERSON_AT_WEB,
            "oauth_no_confirm": True,
            "display": False,
        },
        {
            "name": roles.LIVY,
            "api_token": platform.livy_token.get_secret_value(),
            "display": False,
        },
        {
            "name": roles.CLI,
            "api_token": platform.cli_token.get_secret_value(),
            "display": False,
        },
    ]
    hub.load_roles = roles.ROLES
    roles.limit_administrators()


def _people(c: Any, settings: Settings) -> None:
    c.Authenticator.admin_users = {settings.admin}
    c.Authenticator.username_pattern = NAME_PATTERN
    if settings.authenticator == "native":
        from hopyard.hub.authenticator import HopyardAuthenticator

        c.JupyterHub.authenticator_class = HopyardAuthenticator
        c.Authenticator.allow_all = True  # whoever has a password was let in by an administrator
        c.HopyardAuthenticator.enable_signup = False
    else:
        c.JupyterHub.authenticator_class = settings.authenticator
        c.Authenticator.allow_existing_users = True


def _servers(c: Any, timeout: float) -> None:
    from hopyard.hub.spawner import HopyardSpawner

    c.JupyterHub.spawner_class = HopyardSpawner
    c.JupyterHub.allow_named_servers = True
    c.Spawner.server_token_scopes = roles.SERVER_TOKEN
    c.Spawner.poll_interval = POLL_SECONDS
    # A clone has a limit of its own (`git.timeout`), the server another: see the spawner.
    c.Spawner.start_timeout = int(timeout) + 120
    c.Spawner.http_timeout = 30
    c.Spawner.ip = "127.0.0.1"
