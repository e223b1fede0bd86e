"""Who may give `proxyUser`."""

from __future__ import annotations

import pytest

from hopyard.errors import InvalidInput, NotAllowed
from hopyard.livy import impersonation
from hopyard.livy.access import Caller
from hopyard.settings import LivySettings

ADA, ANYBODY = Caller("p", "ada"), Caller("p", "")


@pytest.mark.parametrize(
    ("caller", "wanted", "named"),
    [
        (ADA, None, []),
        (ADA, "", []),
        (ADA, "ada", []),
        (ADA, "bob", ["ada"]),
        (ANYBODY, "bob", ["*"]),
    ],
)
def test_proxy_user_is_taken(caller: Caller, wanted: str | None, named: list[str]) -> None:
    impersonation.check(caller, wanted, LivySettings(impersonators=named))


@pytest.mark.parametrize(
    ("caller", "named"),
    [(ADA, []), (ADA, ["bob"]), (ANYBODY, ["ada"]), (Caller("p", "ada", "p"), ["ada"])],
)
def test_proxy_user_is_refused(caller: Caller, named: list[str]) -> None:
    with pytest.raises(NotAllowed, match=r"livy\.impersonators"):
        impersonation.check(caller, "root", LivySettings(impersonators=named))


@pytest.mark.parametrize("name", ["--x", "a b", "../x", "a" * 65, "a\nb"])
def test_proxy_user_is_a_name(name: str) -> None:
    with pytest.raises(InvalidInput):
        impersonation.check(ADA, name, LivySettings(impersonators=["*"]))
