"""One Livy server with sign-in, and one session, for all contract tests."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from tests.integration.livy import Livy, temp_livy


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Livy]:
    """A server that stands alone and knows one user, ada."""
    token = secrets.token_urlsafe(16)
    with temp_livy(tmp_path_factory.mktemp("contract"), token=token) as running:
        yield running


@pytest.fixture(scope="session")
def session(server: Livy) -> int:
    """A session that the tests share: leave it idle."""
    return server.ready(name="shared", driverMemory="1g")
