"""One platform for all tests that do not break it."""

from __future__ import annotations

import asyncio
import gc
import io
from collections.abc import AsyncIterator, Generator

import pytest
import pytest_asyncio

from tests.platform import Hopyard, temp_hopyard


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def hopyard(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hopyard]:
    """A platform with the demo project; shared: leave it as you found it."""
    async with temp_hopyard(tmp_path_factory.mktemp("hopyard")) as running:
        yield running


def begin_time(item: pytest.Item) -> None:
    """Give a phase of a test its time: the plugin takes the limit away once a phase has failed."""
    plugin = item.config.pluginmanager.get_plugin("timeout")
    if plugin is None:  # `-p no:timeout`: somebody looks for a fault by hand
        return
    settings = plugin._get_item_settings(item)
    if settings.timeout:
        item.ihook.pytest_timeout_set_timer(item=item, settings=settings)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    begin_time(item)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Show where coroutines wait when the time is over: the stacks of threads do not."""
    try:
        return (yield)
    except pytest.fail.Exception as failure:
        if "pytest-timeout" in str(failure):
            text = io.StringIO()
            for task in [one for one in gc.get_objects() if isinstance(one, asyncio.Task)]:
                if not task.done():
                    task.print_stack(file=text)
            item.add_report_section("call", "tasks", text.getvalue())
        raise


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    begin_time(item)
