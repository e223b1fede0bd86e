"""Who may ask the Hub for what: one table of scopes.

Names of scopes: https://jupyterhub.readthedocs.io/en/stable/rbac/scopes.html
"""

from __future__ import annotations

from typing import Any

from jupyterhub import roles

WEB = "web"
LIVY = "livy"
CLI = "cli"

# A Jupyter server's own token. With `access:servers!server` it says which project it belongs to;
# it can neither start nor stop servers, nor read other users.
SERVER_TOKEN = ["users:activity!user", "access:servers!server", f"access:services!service={LIVY}"]

# What the pages may do in the name of the person who signed in.
PERSON_AT_WEB = [
    "servers!user",
    "read:users!user",
    "access:servers!user",
    f"access:services!service={WEB}",
    f"access:services!service={LIVY}",
]

# What an administrator may not do, though JupyterHub's role lets its administrators do it: open
# the servers of others (or give others access to them), act with others' tokens, move the proxy,
# and make services that could do it.
NOT_ADMINISTRATORS = frozenset(
    {"access:servers", "tokens", "shares", "admin:servers", "admin:services", "proxy"}
)
INSTEAD = ["read:servers", "delete:servers"]


def limit_administrators() -> None:
    """Take from JupyterHub's role of administrators what gives them others' work.

    JupyterHub refuses other scopes for this role in its configuration, so its default is changed.
    """
    everything = roles.get_default_roles

    def get_default_roles() -> list[dict[str, Any]]:
        known: list[dict[str, Any]] = everything()
        for role in known:
            if role["name"] == "admin":
                kept = [scope for scope in role["scopes"] if scope not in NOT_ADMINISTRATORS]
                role |= {"scopes": kept + INSTEAD, "description": "Manages people and servers"}
        return known

    roles.get_default_roles = get_default_roles


ROLES: list[dict[str, Any]] = [
    {
        "name": "user",
        "description": "Everybody with an account",
        "scopes": [
            "self",
            f"access:services!service={WEB}",
            f"access:services!service={LIVY}",
        ],
    },
    {
        "name": "hopyard-web",
        "description": "Pages: see whether a user exists, stop the servers of a removed member",
        "scopes": ["list:users", "read:users", "read:servers", "delete:servers"],
        "services": [WEB],
    },
    {
        "name": "hopyard-livy",
        "description": "Livy: see whether the Jupyter server of a session still runs",
        "scopes": ["read:users:name", "read:servers"],
        "services": [LIVY],
    },
    {
        "name": "hopyard-cli",
        "description": "hopyard check and hopyard users, on the platform's own machine",
        "scopes": [
            "admin:users",
            "tokens",
            "servers",
            "access:servers",
            "read:users",
            "read:hub",
            "proxy",
        ],
        "services": [CLI],
    },
]
