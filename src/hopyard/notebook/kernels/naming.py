"""What a notebook's sessions are called.

A session that was asked to outlive its kernel (`hopyard.session.keep`) has a name that belongs to
its notebook, so that the notebook's next kernel finds it.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Mapping
from typing import Any

from hopyard.protocol.names import as_name

NAME_MOST = 240
"""Characters of a name, beside the mark that makes it its own."""
KEEP = "hopyard.session.keep"
SHARE = "hopyard.session.share"


def of_new(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is sent for a new session: with a name that is only its own.

    One that is kept is not ended for the want of a sign of life: its kernel may be gone for hours.
    """
    asked = dict(properties)
    if keeps(asked):
        asked.pop("heartbeatTimeoutInSecond", None)
    mark = _mark(asked) if keeps(asked) else secrets.token_hex(4)
    name = asked.get("name") or as_name(str(asked["conf"]["spark.app.name"]), NAME_MOST)
    return {**asked, "name": f"{name} ({mark})"}


def keeps(properties: Mapping[str, Any]) -> bool:
    """Say whether a session is to outlive its kernel."""
    return str((properties.get("conf") or {}).get(KEEP, "")).lower() == "true"


def share(properties: Mapping[str, Any]) -> str:
    """Return by which name a session shares its Spark application; empty where it does not."""
    return str((properties.get("conf") or {}).get(SHARE, ""))


def _mark(properties: Mapping[str, Any]) -> str:
    notebook = f"{properties['kind']} {os.environ.get('JPY_SESSION_NAME', '')}"
    return hashlib.sha256(notebook.encode()).hexdigest()[:8]
