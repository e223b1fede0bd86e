"""The addresses that browsers use, and a host of their own for members' Jupyter servers."""

from __future__ import annotations

import socket

import pytest

from hopyard.cli import addresses
from hopyard.errors import SetupError
from hopyard.settings import Settings

EXAMPLE = "https://hopyard.example.org/"


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every name has an address."""
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: [("anything",)])


@pytest.fixture
def unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """No name has an address."""

    def refuse(*_: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.mark.parametrize(
    ("host", "public_url", "expected"),
    [
        ("127.0.0.1", None, "http://localhost:8000/"),
        ("::1", None, "http://localhost:8000/"),
        ("10.0.0.5", None, "http://10.0.0.5:8000/"),
        ("127.0.0.1", EXAMPLE.rstrip("/"), EXAMPLE),
    ],
)
def test_public_url(host: str, public_url: str | None, expected: str) -> None:
    assert addresses.public_url(Settings(host=host, port=8000, public_url=public_url)) == expected


@pytest.mark.parametrize(
    ("public_url", "user_host", "pattern"),
    [
        (None, None, "*.localhost"),
        (EXAMPLE, None, "*.hopyard.example.org"),
        (EXAMPLE, "*.people.example.org", "*.people.example.org"),
        (EXAMPLE, "notebooks.example.org", "notebooks.example.org"),
        (EXAMPLE, "same", ""),
        ("http://10.0.0.5:8000", "same", ""),
    ],
)
def test_members_have_hosts_of_their_own(
    known: None, public_url: str | None, user_host: str | None, pattern: str
) -> None:
    settings = Settings(public_url=public_url, user_host=user_host)
    assert addresses.user_hosts(settings).pattern == pattern


@pytest.mark.parametrize(
    ("public_url", "user_host"),
    [
        ("http://10.0.0.5:8000", None),
        ("http://[fd00::5]:8000", None),
        (EXAMPLE, "hopyard.example.org"),
        (EXAMPLE, "*.example.org"),  # the member "hopyard" would have the platform's own
    ],
)
def test_no_origin_of_their_own_is_refused(
    known: None, public_url: str, user_host: str | None
) -> None:
    with pytest.raises(SetupError, match="HOPYARD_USER_HOST"):
        addresses.user_hosts(Settings(public_url=public_url, user_host=user_host))


def test_hosts_that_no_browser_would_find_are_refused_by_default(unknown: None) -> None:
    with pytest.raises(SetupError, match="wildcard DNS"):
        addresses.user_hosts(Settings(public_url=EXAMPLE))
    chosen = Settings(public_url=EXAMPLE, user_host="*.people.example.org")
    assert addresses.user_hosts(chosen).apart  # a browser's DNS may know more
