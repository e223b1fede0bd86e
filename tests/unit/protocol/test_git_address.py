"""Which addresses of repositories and which names of branches are allowed."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from hopyard.errors import InvalidInput
from hopyard.protocol.git import Author, Job, Provider, Remote, Request, Rules, WorkingCopy

KEY = "a-key-that-nobody-sees"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://github.com/a/b.git", "https://github.com/a/b.git"),
        (" https://GitHub.com:443/a/b/ ", "https://github.com/a/b"),
        ("https://git.example.org:8443/a%20b/c", "https://git.example.org:8443/a%20b/c"),
        ("http://[2001:db8::1]:8080/x", "http://[2001:db8::1]:8080/x"),
    ],
)
def test_an_address_has_one_form(given: str, kept: str) -> None:
    assert Remote(url=given).url == kept


@pytest.mark.parametrize(
    "given",
    [
        "",
        "/srv/repository",
        "file:///srv/repository",
        "ssh://git@host/a/b",
        "git@github.com:a/b.git",
        "ext::sh -c id",
        "-upload-pack=id",
        "--upload-pack=id",
        "https://-host/a",
        "https:///a",
        "https://host",
        "https://host/",
        "https://user:password@host/a",
        "https://user@host/a",
        "https://host/a?x=1",
        "https://host/a#b",
        "https://host/../etc",
        "https://host/%2e%2e/etc",
        "https://host/a%0ab",
        "https://host/a b",
        "https://ho st/a",
        "https://host:99999/a",
        "https://host\\@evil/a",
        "https://host/" + "a" * 500,
    ],
)
def test_an_address_that_is_no_https_repository_is_refused(given: str) -> None:
    with pytest.raises(ValidationError):
        Remote(url=given)


@pytest.mark.parametrize(
    "ip",
    [
        "127.0.0.1",
        "10.1.2.3",
        "192.168.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "::1",
        "fe80::1",
        "fd00::1",
        "::ffff:127.0.0.1",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
    ],
)
def test_a_name_that_leads_inside_is_refused(ip: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def looked_up(*_: Any, **__: Any) -> list[Any]:
        return [(0, 0, 0, "", ("8.8.8.8", 443)), (0, 0, 0, "", (ip, 443))]

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    with pytest.raises(InvalidInput, match="internal"):
        Rules().resolve("https://innocent.example/a")
    allowed = Rules(internal_hosts=frozenset({"innocent.example"}))
    assert allowed.resolve("https://innocent.example/a") == ["8.8.8.8", ip]


def test_odd_writings_of_loopback_are_refused() -> None:
    for host in ("127.1", "2130706433", "0x7f000001", "localhost"):
        with pytest.raises((InvalidInput, OSError)):
            Rules().resolve(Remote(url=f"https://{host}/a").url)


def test_http_needs_the_administrators_word() -> None:
    with pytest.raises(InvalidInput, match="https"):
        Rules(internal_hosts=frozenset({"127.0.0.1"})).resolve("http://127.0.0.1:8080/a")
    one = frozenset({"127.0.0.1:8080"})
    rules = Rules(http_hosts=one, internal_hosts=one)
    assert rules.resolve("http://127.0.0.1:8080/a") == ["127.0.0.1"]
    with pytest.raises(InvalidInput):
        rules.resolve("http://127.0.0.1:8081/a")


def test_two_repositories_of_one_name_have_two_folders() -> None:
    ours, theirs = Remote(url="https://host/us/lib.git"), Remote(url="https://host/them/lib.git")
    assert ours.folder != theirs.folder
    assert ours.folder.startswith("lib-") and "/" not in ours.folder
    assert Remote(url="https://host/%F0%9F%8D%BA/..%2e.git".replace("..%2e", "a%2Fb")).folder


@pytest.mark.parametrize(
    "name",
    ["", "-f", "a..b", "a b", "a~1", "a:b", "refs/x.lock", "a/-b", "@", "HEAD", "a\nb", "/a"],
)
def test_a_branch_that_git_would_misread_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        _copy(name)


def test_branches_may_have_slashes_and_letters_of_any_script() -> None:
    assert _copy("feature/größe-🍺").head == "feature/größe-🍺"


def test_the_key_is_on_the_wire_and_in_no_repr() -> None:
    remote = Remote(provider=Provider.GITHUB, url="https://github.com/a/b")
    request = Request(job=Job.OPEN, remote=remote, key=SecretStr(KEY), working_copy=_copy("main"))
    assert KEY not in repr(request) + str(request) + request.model_dump_json()
    assert Request.model_validate_json(request.wire()) == request
    assert KEY.encode() in request.wire()


def test_a_pasted_password_is_in_no_error() -> None:
    with pytest.raises(ValidationError) as raised:
        Remote(url=f"https://me:{KEY}@host/a")
    assert KEY not in str(raised.value) + repr(raised.value)


def _copy(head: str) -> WorkingCopy:
    author = Author(name="Ada <x>\n", address="ada@example.org")
    assert author.name == "Ada x"
    return WorkingCopy(folder="/x", base="main", head=head, author=author)
