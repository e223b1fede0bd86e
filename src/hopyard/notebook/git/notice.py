"""Server extension: what the pages in the browser say about Git where something is left to do.

`GET hopyard/git` answers `{"id": …, "text": …, "address": …}`: what to say, empty where all is
well, and the page on which something can be done. The same `id` comes until something happened.
Shown by `labextensions/hopyard-lab` and `nbextensions/hopyard-git`.
"""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import quote

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join
from tornado.web import authenticated

from hopyard.notebook.platform import ask

WAITS = "Work of an earlier server that is not in your files any more is kept aside."


def notice(last: dict[str, Any] | None) -> dict[str, str]:
    """Return what is to be said of the last work on the working copy.

    Args:
        last: as `GET projects/PROJECT/repository/last` answers.
    """
    said = {
        "id": "",
        "text": "",
        "address": f"/projects/{quote(os.environ['HOPYARD_PROJECT'])}/jupyter",
    }
    if last is None:
        return said
    outcome = last["outcome"]
    words = [outcome["sentence"]] if outcome["state"] != "done" else []
    if files := outcome["data"]["conflicts"]:
        words.append(f"In: {', '.join(files[:5])}{' …' if len(files) > 5 else '.'}")
    if outcome["data"]["rescues"]:
        words.append(WAITS)
    return {**said, "id": last["at"], "text": " ".join(words)}


class NoticeHandler(APIHandler):  # type: ignore[misc]
    """The notice."""

    auth_resource = "server"

    @authenticated  # type: ignore[untyped-decorator, unused-ignore]
    @authorized  # type: ignore[untyped-decorator]
    async def get(self) -> None:
        """Say what is left to do."""
        self.finish(notice(await ask("GET", "repository/last")))


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "hopyard.notebook.git.notice"}]


def _load_jupyter_server_extension(serverapp: Any) -> None:
    """Answer, where there is a platform to ask."""
    if "HOPYARD_API_URL" in os.environ:
        route = url_path_join(serverapp.base_url, "hopyard", "git")
        serverapp.web_app.add_handlers(".*$", [(route, NoticeHandler)])
