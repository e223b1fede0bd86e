"""One platform for all tests that do not break it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.platform import Hopyard, temp_hopyard


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def hopyard(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hopyard]:
    """A platform with the demo project; shared: leave it as you found it."""
    async with temp_hopyard(tmp_path_factory.mktemp("hopyard")) as running:
        yield running
