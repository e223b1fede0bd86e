"""What a password must be."""

import pytest

from hopyard.hub import passwords


@pytest.mark.parametrize("password", ["ten chars!", "ä" * 36, "x" * 72])
def test_password_is_good(password: str) -> None:
    assert passwords.fault(password) is None


@pytest.mark.parametrize("password", ["", "nine char", "ä" * 37, "x" * 73])
def test_password_is_refused(password: str) -> None:
    assert passwords.fault(password)
