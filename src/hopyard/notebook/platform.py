"""The platform's REST API, asked by extensions of the Jupyter server."""

from __future__ import annotations

import json
import os
from typing import Any
from urllib.parse import quote

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.web import HTTPError

PATIENCE = 20.0


async def ask(method: str, path: str) -> Any:
    """Ask the platform's REST API with the server's own token.

    Args:
        method: GET or POST.
        path: below the project's address.

    Raises:
        HTTPError: it refuses, or does not answer.
    """
    request = HTTPRequest(
        f"{os.environ['HOPYARD_API_URL']}projects/{quote(os.environ['HOPYARD_PROJECT'])}/{path}",
        method=method,
        headers={"Authorization": f"Bearer {os.environ['JUPYTERHUB_API_TOKEN']}"},
        body="" if method == "POST" else None,
        request_timeout=PATIENCE,
    )
    try:
        answer = await AsyncHTTPClient().fetch(request, raise_error=False)
    except (OSError, HTTPClientError):
        raise HTTPError(503, reason="The platform does not answer") from None
    found = json.loads(answer.body) if answer.code < 500 else {}
    if answer.code >= 400:
        raise HTTPError(answer.code, reason=str(found.get("error", "The platform refuses")))
    return found
