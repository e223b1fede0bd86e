"""Server extension: a Jupyter server that nobody owns any more ends itself.

The Hub is asked every 30 s with the server's own token. Where the Hub says three times within
seconds that the token is unknown, the server was stopped or forgotten while the Hub could not reach
it: it ends. Said once it may be a fault of the moment, and kernels would be lost to it.
Where no Hub answers for 10 minutes, it ends as well. Ending is the server's usual way out, so its
kernels are shut down, and with them their Spark sessions.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from typing import Any

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest

CHECK_SECONDS = 30.0
SURE_TIMES, SURE_SECONDS = 3, 5.0
"""How often the Hub must say that it does not know the token, and the pause between."""
WITHOUT_HUB_SECONDS = 600.0
Ask = Callable[[], Awaitable[int | None]]
"""Asks the Hub who we are; returns the status code, or None where nobody answers."""


async def watch(
    ask: Ask,
    *,
    every: float = CHECK_SECONDS,
    patience: float = WITHOUT_HUB_SECONDS,
    sure: float = SURE_SECONDS,
) -> str:
    """Return once this server is an orphan, with the reason as a sentence."""
    seen = time.monotonic()
    refused = 0
    while True:
        status = await ask()
        refused = refused + 1 if status in (401, 403) else 0
        if refused == SURE_TIMES:
            return f"The Hub does not know this server's token any more ({status})."
        if refused:
            await asyncio.sleep(min(sure, every))
            continue
        if status is not None and status < 500:
            seen = time.monotonic()
        elif time.monotonic() - seen >= patience:
            return f"No Hub has answered for {patience:.0f} s."
        await asyncio.sleep(every)


async def ask_hub() -> int | None:
    """Ask the Hub whose our token is."""
    request = HTTPRequest(
        os.environ["JUPYTERHUB_API_URL"].rstrip("/") + "/user",
        headers={"Authorization": f"token {os.environ['JUPYTERHUB_API_TOKEN']}"},
        connect_timeout=10,
        request_timeout=20,
    )
    try:
        return int((await AsyncHTTPClient().fetch(request, raise_error=False)).code)
    except (OSError, HTTPClientError):
        return None


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "hopyard.notebook.extension"}]


def _load_jupyter_server_extension(serverapp: Any) -> None:
    """Start the watchdog with the server."""
    for variable in ("JUPYTERHUB_API_URL", "JUPYTERHUB_API_TOKEN"):
        if variable not in os.environ:
            serverapp.log.warning("No watchdog: %s is not set", variable)
            return

    async def end_when_orphaned() -> None:
        reason = await watch(ask_hub)
        serverapp.log.critical("%s This server ends.", reason)
        serverapp.stop(from_signal=True)

    async def begin() -> None:
        # The reference keeps the task alive: asyncio holds only a weak one.
        serverapp.hopyard_watchdog = asyncio.create_task(end_when_orphaned())

    serverapp.io_loop.add_callback(begin)
