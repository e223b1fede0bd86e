"""How long the Jupyter server believes what the Hub said of a token.

Signing out must end the access to Jupyter servers, too: an answer is believed for seconds. While
the Hub does not answer (it is being started again) its last answer counts for a while longer, so
that nobody's work is interrupted.
"""

from __future__ import annotations

import time
from typing import Any

from jupyterhub.services.auth import HubOAuth
from jupyterhub.singleuser import extension
from tornado.web import HTTPError

FRESH_SECONDS = 5
STALE_SECONDS = 300.0
KEPT = 1000


class SignIn(HubOAuth):  # type: ignore[misc]
    """JupyterHub's, with a memory of two ages."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.cache_max_age = FRESH_SECONDS
        self._last: dict[str, tuple[float, Any]] = {}

    async def _check_hub_authorization(
        self, url: str, api_token: str, cache_key: str | None = None, use_cache: bool = True
    ) -> Any:
        key = cache_key or ""
        try:
            said = await super()._check_hub_authorization(url, api_token, cache_key, use_cache)
        except HTTPError:
            at, said = self._last.get(key, (0.0, None))
            if said is None or time.monotonic() - at > STALE_SECONDS:
                raise
            return said
        if said is None:
            self._last.pop(key, None)
        else:
            if len(self._last) >= KEPT:
                self._last.clear()
            self._last[key] = (time.monotonic(), said)
        return said


def install() -> None:
    """Let JupyterHub's extension use it: the class is fixed there."""
    extension.HubOAuth = SignIn
