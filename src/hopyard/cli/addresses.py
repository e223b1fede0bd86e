"""The addresses that browsers use: the platform's, and those of members' Jupyter servers."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

from hopyard.errors import SetupError
from hopyard.hosts import LOCAL, LOOPBACK, UserHosts, host_of, is_address, is_local
from hopyard.settings import Platform, Settings

SAME = "same"
_LOOPBACKS = (LOOPBACK, "::1", LOCAL)
_ANY = ("", "0.0.0.0", "::")  # noqa: S104 - compared, not bound


def public_url(settings: Settings) -> str:
    """Return the address that browsers use; it ends with a slash."""
    if settings.public_url:
        return settings.public_url.rstrip("/") + "/"
    host = settings.host
    if host in _LOOPBACKS:
        host = LOCAL  # nothing can be below of 127.0.0.1
    elif host in _ANY:
        host = socket.gethostname()
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}/"


def user_hosts(settings: Settings) -> UserHosts:
    """Return where members' Jupyter servers are to be found.

    Raises:
        SetupError: that would be no origin of their own, or no browser would find them.
    """
    own, chosen = host_of(public_url(settings)), settings.user_host
    if chosen == SAME:
        return UserHosts("")
    if chosen is None and is_address(own):
        raise SetupError(
            f"Members' Jupyter servers need a host name of their own, and nothing can be below of "
            f"{own}: set HOPYARD_PUBLIC_URL to a name, HOPYARD_USER_HOST to another name of this "
            f"machine, or HOPYARD_USER_HOST={SAME} to do without (see docs/how-to/origins.md)."
        )
    hosts = UserHosts(chosen or f"*.{own}")
    if hosts.base == own and not hosts.apart:
        raise SetupError(
            f"HOPYARD_USER_HOST is the platform's own host name {own}: give another, or `{SAME}`."
        )
    if hosts.apart and own.partition(".")[2] == hosts.base:
        raise SetupError(
            f"HOPYARD_USER_HOST={hosts.pattern} could make a member's host the platform's own "
            f"{own}: give names below of another one, such as *.{own}."
        )
    if chosen is None and not resolves(hosts):
        raise SetupError(
            f"Members' Jupyter servers would be at {hosts.pattern}, and no such name is known "
            "here: make a wildcard DNS record, set HOPYARD_PUBLIC_URL to the address that "
            f"browsers use, or set HOPYARD_USER_HOST (see docs/how-to/origins.md)."
        )
    return hosts


def resolves(hosts: UserHosts) -> bool:
    """Say whether a member's host name leads anywhere."""
    host = hosts.of("hopyard-check")
    if is_local(host):
        return True
    try:
        return bool(socket.getaddrinfo(host, None))
    except OSError:
        return False


def said_of(platform: Platform) -> list[str]:
    """Return what is in force, for the block that a start prints."""
    hosts, own = platform.hosts, urlsplit(platform.public_url)
    port = f":{own.port}" if own.port else ""
    shown = f"{own.scheme}://{hosts.of('NAME')}{port}/"
    if hosts.apart:
        lines = [f"  Jupyter    {shown} for each member"]
    elif hosts:
        lines = [
            f"  Jupyter    {shown} for all members: a page that one member's server",
            "             serves can use the server of another member who opens it",
        ]
    else:
        lines = [
            "  Jupyter    AT THE SAME ADDRESS (user_host = same): a page that a member's server",
            "             serves can act on the platform as whoever opens it",
        ]
    if hosts and not resolves(hosts):
        lines.append(f"             {hosts.of('NAME')} is not known here: is there a DNS record?")
    return lines
