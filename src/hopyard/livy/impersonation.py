"""`proxyUser`: who may have Spark work in the name of somebody else.

Apache Livy ignores the field where it cannot heed it. Here it is heeded (Spark and Hadoop see that
user) or refused; the session or batch stays the caller's own.
"""

from __future__ import annotations

import re

from hopyard.errors import InvalidInput, NotAllowed
from hopyard.livy.access import Caller
from hopyard.settings import LivySettings

EVERYBODY = "*"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@+-]{0,63}")


def check(caller: Caller, proxy_user: str | None, settings: LivySettings) -> None:
    """Refuse a `proxyUser` that the caller may not give.

    Raises:
        InvalidInput: it is no name of a user.
        NotAllowed: the caller is not among `livy.impersonators`.
    """
    if not proxy_user or proxy_user == caller.user:
        return
    if not _NAME.fullmatch(proxy_user):
        raise InvalidInput("Rejected, Reason: proxyUser must be a user's name.", "proxyUser")
    allowed = caller.user in settings.impersonators or EVERYBODY in settings.impersonators
    if not allowed or caller.server is not None:
        raise NotAllowed(
            f"User '{caller.user or 'anonymous'}' not allowed to impersonate '{proxy_user}' "
            "(the setting livy.impersonators says who may, with a token of their own)."
        )
