"""Server extension: how long this server may still run, for the warnings in the browser.

`GET hopyard/time` answers `{"seconds": N}` (null: no limit) and `POST` gives it more time. Both ask
the platform with the server's own token; the pages' sides are `labextensions/hopyard-lab` and
`nbextensions/hopyard-server`.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join
from tornado.web import authenticated

from hopyard.notebook.platform import ask


def seconds_left(server: dict[str, Any]) -> float | None:
    """Return how long a server may still run; None where there is no limit."""
    expires = server["expires_at"]
    if expires is None:
        return None
    return (datetime.fromisoformat(expires) - datetime.now(UTC)).total_seconds()


class TimeHandler(APIHandler):  # type: ignore[misc]
    """The time that is left."""

    auth_resource = "server"

    @authenticated  # type: ignore[untyped-decorator, unused-ignore]
    @authorized  # type: ignore[untyped-decorator]
    async def get(self) -> None:
        """Say how long this server may still run."""
        self.finish({"seconds": seconds_left(await ask("GET", "jupyter/server"))})

    @authenticated  # type: ignore[untyped-decorator, unused-ignore]
    @authorized  # type: ignore[untyped-decorator]
    async def post(self) -> None:
        """Give this server more time."""
        self.finish({"seconds": seconds_left(await ask("POST", "jupyter/server/extend"))})


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "hopyard.notebook.timeleft"}]


def _load_jupyter_server_extension(serverapp: Any) -> None:
    """Answer, where there is a platform to ask."""
    if "HOPYARD_API_URL" in os.environ:
        route = url_path_join(serverapp.base_url, "hopyard", "time")
        serverapp.web_app.add_handlers(".*$", [(route, TimeHandler)])
