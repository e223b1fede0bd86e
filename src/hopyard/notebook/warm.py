"""Server extension: ask for a Spark driver before the first cell wants it.

The Livy server keeps it for the first session with this configuration (its own `warm.py`); what
nobody uses it takes back. Nobody waits for the answer: without a warm driver, the cell starts one.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from typing import Any

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest

from hopyard.notebook.kernels.language import PYTHON
from hopyard.notebook.kernels.sparkmagic import session_request

AFTER = 3.0
"""Seconds after this server's start: first it shows its page."""


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


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "hopyard.notebook.warm"}]


def _load_jupyter_server_extension(serverapp: Any) -> None:
    """Ask once this server runs."""

    async def ask() -> None:
        await asyncio.sleep(AFTER)
        serverapp.log.info("A Spark driver beforehand: %s", await ask_for_driver(os.environ))

    async def begin() -> None:
        # The reference keeps the task alive: asyncio holds only a weak one.
        serverapp.hopyard_warm = asyncio.create_task(ask())

    serverapp.io_loop.add_callback(begin)
