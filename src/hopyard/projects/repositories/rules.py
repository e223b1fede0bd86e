"""What the settings of a repository may be."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from hopyard.errors import InvalidForm
from hopyard.projects.repositories.models import RepositorySettings
from hopyard.protocol import git

USER_MOST = 200
SWITCHES = ("pull_on_start", "push_on_stop", "ignore_uncommitted")


def read(
    raw: Mapping[str, Any],
    base: RepositorySettings,
    *,
    secrets: Collection[str],
    http_hosts: Collection[str],
) -> RepositorySettings:
    """Return the settings that a form or a JSON body asks for, on top of those there are.

    Where Git is off, a wrong value is dropped: it is not seen and does not count.

    Args:
        raw: what was asked for; fields that are not named stay.
        base: what there is.
        secrets: names of the secrets that the member may use in the project.
        http_hosts: hosts that the administrator allows to be reached by http.

    Raises:
        InvalidForm: a value is wrong; for each its field and what is allowed.
    """
    wanted = {**base.model_dump(), **raw}
    on = wanted["provider"] != "off"
    faults: dict[str, str] = {}

    def take(name: str, check: Callable[[str], str]) -> None:
        try:
            wanted[name] = check(str(wanted[name] or "").strip())
        except ValueError as error:
            wanted[name] = getattr(base, name)
            if on:
                faults[name] = str(error)

    take("url", lambda text: _address(text, http_hosts) if text or on else "")
    take("user", _user)
    take("secret", lambda text: _secret(text, secrets))
    for name in ("base", "head"):
        take(name, lambda text: git.branch(text) if text else "")
    try:
        settings = RepositorySettings.model_validate(wanted)
    except ValidationError as error:
        for one in error.errors(include_input=False, include_url=False):
            faults.setdefault(".".join(map(str, one["loc"])), _sentence(one["type"], one["msg"]))
    if faults:
        raise InvalidForm(faults)
    return settings


def author(user: str, public_url: str) -> git.Author:
    """Return whose commits are made: many accounts are named by their address."""
    host = urlsplit(public_url).hostname or "localhost"
    return git.Author(name=user, address=user if "@" in user else f"{user}@{host}")


def _address(text: str, http_hosts: Collection[str]) -> str:
    if not text:
        raise ValueError(f"Git needs a repository. {git.FORM}")
    found = git.address(text)
    parts = urlsplit(found)
    allowed = {parts.hostname, f"{parts.hostname}:{parts.port or 80}"} & set(http_hosts)
    if parts.scheme == "http" and not allowed:
        raise ValueError(f"Only https is allowed, not http, for {parts.hostname}. {git.FORM}")
    return found


def _user(text: str) -> str:
    if len(text) > USER_MOST or ":" in text or not text.isprintable():
        raise ValueError(f"A user name has up to {USER_MOST} characters and no colon.")
    return text


def _secret(text: str, secrets: Collection[str]) -> str:
    if text and text not in secrets:
        raise ValueError("There is no secret of this name that you may use here.")
    return text


def _sentence(kind: str, message: str) -> str:
    if kind == "extra_forbidden":
        return f"There is no such setting. There are: {', '.join(RepositorySettings.model_fields)}."
    return f"{message}."
