"""Server extension: ask for a Spark driver before the first cell wants it.

The Livy server keeps it for the first session with this configuration (its own `warm.py`); what
nobody uses it takes back. Nobody waits for the answer: without a warm driver, the cell starts one.

What is chosen on the Jupyter page while this server runs is followed: the Livy server replaces the
driver that waits by one of the new configuration.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from pathlib import Path
from typing import Any

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.web import HTTPError

from hopyard.notebook.kernels.language import PYTHON
from hopyard.notebook.kernels.sparkmagic import session_request, write_for_notebooks
from hopyard.notebook.platform import ask

AFTER = 3.0
"""Seconds after this server's start: first it shows its page."""
ASK_SECONDS = 10.0
"""How often it is asked what is chosen now."""


def body(environment: Mapping[str, str]) -> dict[str, Any]:
    """Return what POST /sessions is sent."""
    request = session_request(environment, PYTHON.title)
    return {
        **request,
        "kind": PYTHON.kind,
        "conf": {**request["conf"], "hopyard.session.warm": "true"},
    }


async def ask_for_driver(environment: Mapping[str, str]) -> str:
    """Ask; return what came of it, for the log."""
    request = HTTPRequest(
        f"{environment['HOPYARD_LIVY_URL']}/sessions",
        method="POST",
        headers={
            "Authorization": f"Bearer {environment['JUPYTERHUB_API_TOKEN']}",
            "Content-Type": "application/json",
            "X-Requested-By": "hopyard",
        },
        body=json.dumps(body(environment)),
    )
    try:
        answer = await AsyncHTTPClient().fetch(request, raise_error=False)
    except (OSError, HTTPClientError) as error:
        return f"the Livy server does not answer ({error})"
    if answer.code != 201:
        return f"the Livy server refuses ({answer.code}): {answer.body.decode()[:300]}"
    return f"session {json.loads(answer.body)['id']} starts"


async def follow(
    environment: MutableMapping[str, str],
    chosen: Callable[[], Awaitable[dict[str, Any]]],
    changed: Callable[[], Awaitable[None]],
    *,
    every: float = ASK_SECONDS,
) -> None:
    """Keep the environment as the Jupyter page says now; kernels that start inherit it.

    Somebody who fills in a form changes several fields: what was asked for twice in a row is meant.
    """
    seen = None
    while True:
        await asyncio.sleep(every)
        with contextlib.suppress(HTTPError):  # the platform is away: what is known still stands
            found = json.dumps(await chosen())
            known = environment.get("HOPYARD_SESSION_CONF") or "{}"
            if found == seen and json.loads(found) != json.loads(known):
                environment["HOPYARD_SESSION_CONF"] = found
                await changed()
            seen = found


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "hopyard.notebook.warm"}]


def _load_jupyter_server_extension(serverapp: Any) -> None:
    """Ask once this server runs, and again when something else is chosen."""

    async def start() -> None:
        if os.environ.get("HOPYARD_WARM"):
            serverapp.log.info("A Spark driver beforehand: %s", await ask_for_driver(os.environ))

    async def changed() -> None:
        if folder := os.environ.get("SPARKMAGIC_CONF_DIR"):
            write_for_notebooks(os.environ, Path(folder))
        await start()

    async def run() -> None:
        await asyncio.sleep(AFTER)
        await start()
        if "HOPYARD_API_URL" in os.environ:
            await follow(os.environ, lambda: ask("GET", "jupyter/session"), changed)

    async def begin() -> None:
        # The reference keeps the task alive: asyncio holds only a weak one.
        serverapp.hopyard_warm = asyncio.create_task(run())

    serverapp.io_loop.add_callback(begin)
