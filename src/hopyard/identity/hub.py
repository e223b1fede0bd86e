"""A client of JupyterHub's REST API for what our processes ask of it.

Source of the protocol: https://jupyterhub.readthedocs.io/en/stable/reference/rest-api.html
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from dataclasses import dataclass, field
from typing import Any

import httpx

from hopyard.errors import Conflict, NotFound, NotSignedIn, Unavailable
from hopyard.protocol.names import segment

CACHE_SECONDS = 5.0
CACHE_SIZE = 10_000
ANSWER_SECONDS = 5.0
"""For what the Hub knows: a page does not wait longer for a Hub that hangs."""
ACT_SECONDS = 20.0
"""For what it does."""
_SERVER_SCOPE = "access:servers!server="


@dataclass(frozen=True)
class Identity:
    """Whose a token is."""

    user: str
    admin: bool = False
    scopes: frozenset[str] = field(default_factory=frozenset)
    server: str | None = None
    """The name of the server (= project) whose own token this is; None for people's tokens."""


@dataclass(frozen=True)
class HubServer:
    """A Jupyter server as the Hub sees it."""

    name: str
    ready: bool
    pending: str | None
    url: str
    started: str | None


class HubClient:
    """Asks the Hub with a service's token, or with the token of the one who asks us.

    Args:
        api_url: the Hub's API, ends with a slash.
        token: the service's own token, for what is not asked in somebody's name.
    """

    def __init__(self, api_url: str, token: str) -> None:
        self._token = token
        self._http = httpx.AsyncClient(base_url=api_url, timeout=ACT_SECONDS, trust_env=False)
        self._known: dict[str, tuple[float, Identity]] = {}

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def request(
        self, method: str, path: str, *, token: str | None = None, json: Any = None
    ) -> httpx.Response:
        """Send one request; the path is relative to the API.

        Raises:
            Unavailable: the Hub does not answer, or not in time.
        """
        seconds = ANSWER_SECONDS if method == "GET" else ACT_SECONDS
        try:
            async with asyncio.timeout(seconds):  # httpx counts each step of a request for itself
                return await self._http.request(
                    method,
                    path,
                    json=json,
                    headers={"Authorization": f"Bearer {token or self._token}"},
                )
        except (TimeoutError, httpx.TimeoutException):
            raise Unavailable(f"The Hub did not answer within {seconds:g} s.") from None
        except httpx.HTTPError as error:
            raise Unavailable(f"The Hub does not answer ({type(error).__name__}).") from None

    async def identify(self, token: str) -> Identity:
        """Return whose a token is; answers are kept for 5 s.

        Raises:
            NotSignedIn: the token is unknown, expired or was revoked.
            Unavailable: the Hub does not answer.
        """
        key = hashlib.sha256(token.encode()).hexdigest()
        now = time.monotonic()
        known = self._known.get(key)
        if known and known[0] > now:
            return known[1]
        response = await self.request("GET", "user", token=token)
        if response.status_code in (401, 403):
            self._known.pop(key, None)
            raise NotSignedIn("The token is not known to the Hub, has expired or was revoked.")
        if response.status_code != 200:
            raise Unavailable(f"The Hub answered {response.status_code}.")
        identity = self._identity(response.json())
        if len(self._known) >= CACHE_SIZE:
            self._known.clear()
        self._known[key] = (now + CACHE_SECONDS, identity)
        return identity

    def forget(self, token: str) -> None:
        """Drop what is kept about a token (after sign-out)."""
        self._known.pop(hashlib.sha256(token.encode()).hexdigest(), None)

    @staticmethod
    def _identity(model: dict[str, Any]) -> Identity:
        if model.get("kind") != "user":
            raise NotSignedIn("This is a service's token, not a person's.")
        name = model["name"]
        scopes = frozenset(model.get("scopes", ()))
        own = f"{_SERVER_SCOPE}{name}/"
        # A server's own token may reach that one server and no other; a person's reaches them all.
        servers = [scope.removeprefix(own) for scope in scopes if scope.startswith(own)]
        wide = any(s.startswith("access:servers") and not s.startswith(own) for s in scopes)
        server = servers[0] if len(servers) == 1 and not wide else None
        return Identity(name, bool(model.get("admin")), scopes, server)

    async def server(self, user: str, name: str) -> HubServer | None:
        """Return a user's server, or None where it does not run and is not starting."""
        response = await self.request("GET", f"users/{segment(user)}?include_stopped_servers")
        if response.status_code == 404:
            return None
        if response.status_code != 200:
            raise Unavailable(f"The Hub answered {response.status_code}.")
        model = response.json().get("servers", {}).get(name)
        if not model or not (model["ready"] or model["pending"]):
            return None
        return HubServer(name, model["ready"], model["pending"], model["url"], model["started"])

    async def start_server(self, user: str, name: str, *, token: str | None = None) -> None:
        """Ask the Hub to start a server; one that runs or is starting is left as it is.

        Raises:
            Conflict: the Hub refuses, with its reason.
        """
        path = f"users/{segment(user)}/servers/{segment(name)}"
        response = await self.request("POST", path, token=token)
        if response.status_code in (201, 202):
            return
        message = _message(response)
        if response.status_code == 400 and ("already" in message or "pending" in message):
            return
        raise Conflict(message)

    async def stop_server(self, user: str, name: str, *, token: str | None = None) -> None:
        """Ask the Hub to stop a server; one that does not run is left as it is."""
        path = f"users/{segment(user)}/servers/{segment(name)}"
        response = await self.request("DELETE", path, token=token)
        if response.status_code in (202, 204, 404):
            return
        message = _message(response)
        if response.status_code == 400 and ("pending" in message or "not running" in message):
            return
        raise Conflict(message)

    async def user_exists(self, user: str) -> bool:
        """Say whether the Hub has an account of this name."""
        response = await self.request("GET", f"users/{segment(user)}")
        if response.status_code not in (200, 404):
            raise Unavailable(f"The Hub answered {response.status_code}.")
        return response.status_code == 200

    async def make_token(self, user: str, *, seconds: int, note: str) -> str:
        """Make a short-lived token of a user (needs the scope `tokens`).

        Raises:
            NotFound: there is no such user.
        """
        response = await self.request(
            "POST",
            f"users/{segment(user)}/tokens",
            json={"expires_in": seconds, "note": note},
        )
        if response.status_code == 404:
            raise NotFound(f"The Hub has no user {user!r}.")
        if response.status_code != 201:
            raise Unavailable(f"The Hub answered {response.status_code}: {_message(response)}")
        return str(response.json()["token"])


def _message(response: httpx.Response) -> str:
    try:
        return str(response.json().get("message") or response.reason_phrase)
    except ValueError:
        return response.reason_phrase
