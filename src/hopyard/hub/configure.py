"""The Hub's configuration, made from the settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hopyard.hub import database, passwords, roles
from hopyard.protocol.names import NAME_PATTERN
from hopyard.settings import Platform, Settings

SLOW_SPAWN_SECONDS = 0.5
"""A start is answered after this at the latest; a refusal comes sooner and so has its reason."""
POLL_SECONDS = 5


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
    hub.tornado_settings = {"slow_spawn_timeout": SLOW_SPAWN_SECONDS}
    _addresses(c, settings, platform)
    _services(hub, platform)
    _people(c, settings)
    _servers(c, settings.git.timeout)


def _addresses(c: Any, settings: Settings, platform: Platform) -> None:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    c.JupyterHub.bind_url = f"http://{host}:{settings.port}/"
    if settings.public_url:
        c.JupyterHub.public_url = platform.public_url
    c.JupyterHub.hub_bind_url = platform.hub_url.rstrip("/")
    c.JupyterHub.default_url = "/projects/"
    c.JupyterHub.proxy_class = "jupyterhub.proxy.ConfigurableHTTPProxy"
    c.ConfigurableHTTPProxy.should_start = False
    c.ConfigurableHTTPProxy.api_url = platform.proxy_api_url.rstrip("/")
    c.ConfigurableHTTPProxy.auth_token = platform.proxy_token.get_secret_value()
    web, livy = platform.web_url.rstrip("/"), platform.livy_url.rstrip("/")
    c.Proxy.extra_routes = {"/projects/": web, "/api/": web, "/livy/": livy}
    c.ConfigurableHTTPProxy.extra_routes = c.Proxy.extra_routes


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


def _people(c: Any, settings: Settings) -> None:
    c.Authenticator.admin_users = {settings.admin}
    c.Authenticator.username_pattern = NAME_PATTERN
    if settings.authenticator == "native":
        from hopyard.hub.authenticator import HopyardAuthenticator

        c.JupyterHub.authenticator_class = HopyardAuthenticator
        c.Authenticator.allow_all = True  # whoever has a password was let in by an administrator
        c.HopyardAuthenticator.enable_signup = False
        c.HopyardAuthenticator.minimum_password_length = passwords.LEAST
        c.HopyardAuthenticator.allowed_failed_logins = 10
        c.HopyardAuthenticator.seconds_before_next_try = 60
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
