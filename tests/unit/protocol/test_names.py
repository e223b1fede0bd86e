"""Names in addresses, and what they may not be."""

from __future__ import annotations

import pytest

from hopyard.errors import InvalidInput
from hopyard.protocol import names

GOOD = ("a", "A b", "ü.ñ", "🦆", "50% off", "a?b#c&d", "...", "x" * 255, "demo: first (ab12)", "-1")
BAD = ("", ".", "..", "a/b", "a\\b", "/", "%2e", "a%2Fb", "%2E%2e", " a", "a ", "a\n", "a\tb")
BAD += ("a\x00", "a\x7f", "a\x85", "a\u2028", "\ud800")


@pytest.mark.parametrize("name", GOOD)
def test_name_comes_back_from_an_address(name: str) -> None:
    from urllib.parse import unquote

    assert names.is_name(name)
    assert unquote(names.segment(name)) == name


@pytest.mark.parametrize("name", [*GOOD, "zoë", "100%25", "Ω@example.org", "a+b"])
def test_name_comes_back_from_a_header(name: str) -> None:
    assert names.of_header(names.as_header(name).encode("ascii").decode("latin-1")) == name


@pytest.mark.parametrize("name", BAD)
def test_name_that_is_another_address_is_refused(name: str) -> None:
    assert not names.is_name(name)
    with pytest.raises(InvalidInput):
        names.segment(name)
    assert names.is_name(names.as_name(name, 20))


@pytest.mark.parametrize("path", ["", "jobs/", "jobs/job/?id=1", "a%20b", "static/a.b..c", "//"])
def test_rest_of_a_path_is_passed_on_as_it_is(path: str) -> None:
    assert names.rest(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "..",
        "../statements",
        "..%2fstatements",
        "%2e%2e/x",
        "%252e%252e%252fx",
        "a/..;x=1/b",
        "..\\x",
        "..%5cx",
        "a/./b",
        "%2E/x",
        "a b",
        "a\r\nHost: x",
        "ü",
    ],
)
def test_rest_of_a_path_that_leads_elsewhere_is_refused(path: str) -> None:
    with pytest.raises(InvalidInput):
        names.rest(path)
