"""What administrators do to others by the Hub is written to the audit log."""

from __future__ import annotations

import re
from typing import Any

from jupyterhub.log import log_request
from jupyterhub.user import User

from hopyard import audit
from hopyard.settings import Settings

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_ACT = re.compile(r"/hub/api/(users(?:/(?P<user>[^/]+))?|groups|services|shutdown)(/|$)")


def log_and_record(settings: Settings, handler: Any) -> None:
    """Log a request as JupyterHub does, and record what an administrator did with it."""
    log_request(handler)
    request = handler.request
    who = getattr(handler, "_jupyterhub_user", None)
    if request.method in SAFE or handler.get_status() >= 400:
        return
    if not isinstance(who, User) or not who.admin:
        return
    act = _ACT.match(request.path)
    if act and act["user"] != who.escaped_name:
        what = f"{request.method} {request.path}"
        audit.record(settings, who.name, what, status=handler.get_status())
