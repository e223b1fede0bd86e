"""What the Jupyter page says now about Spark sessions: asked at each start of one.

The server's environment says what was chosen when the server started; that is what a kernel uses
where there is no platform to ask.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from sparkmagic.utils import configuration

from hopyard.notebook.kernels.connection import Http
from hopyard.notebook.kernels.language import Language
from hopyard.notebook.kernels.sparkmagic import session_request


def refresh(auth: Any, language: Language) -> None:
    """Let the next session be started with what is chosen now.

    Raises:
        LivyError: the platform does not answer, or the user may not do this any more.
    """
    environment: Mapping[str, str] = os.environ
    if "HOPYARD_API_URL" in environment:
        body = json.dumps(ask(auth, environment))
        environment = {**environment, "HOPYARD_SESSION_CONF": body}
    request = session_request(environment, language.title)
    configuration.override(configuration.session_configs_defaults.__name__, request)


def ask(auth: Any, environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the body of POST /sessions that the page's settings ask for."""
    http = Http(environment["HOPYARD_API_URL"], auth, "platform")
    path = f"/projects/{quote(environment['HOPYARD_PROJECT'])}/jupyter/session"
    found: dict[str, Any] = http.get(path, [200]).json()
    return found
