"""Before a server's time is up JupyterLab and the Classic Notebook say so, and give more."""

from __future__ import annotations

import re
from datetime import timedelta

from playwright.async_api import Browser, BrowserContext, Page, expect
from sqlalchemy import update

from hopyard.projects.jupyter.models import ServerRow
from hopyard.store.engine import make_engine
from hopyard.store.types import now
from tests.e2e import pages
from tests.e2e.browser import SECONDS, shot, visitor
from tests.e2e.conftest import Place
from tests.platform import Hopyard


async def test_lab_warns_before_the_time_is_up_and_gives_more(
    browser: Browser, place: Place, hopyard: Hopyard
) -> None:
    async with visitor(browser) as context:
        page = await _started(context, place)
        await _leave(hopyard, place.user, timedelta(minutes=12))
        lab = await pages.open_in_tab(context, page, "#open")
        warning = lab.locator(".Toastify__toast")
        await expect(warning).to_contain_text("stopped in 12 minutes", timeout=90 * SECONDS)
        await shot(lab, "time-left")
        await _leave(hopyard, place.user, timedelta(minutes=4))
        # As when a laptop wakes up; the next round would be half a minute away.
        await lab.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        last = lab.get_by_text("stopped in 4 minutes")
        await expect(last).to_be_visible(timeout=60 * SECONDS)
        await expect(warning).to_have_count(1)
        await warning.get_by_role("button", name="6 hours more").click()
        await expect(lab.get_by_text("has six hours more")).to_be_visible()
        await expect(last).to_have_count(0)
        await expect(page.get_by_text(re.compile(r"6 h \d min left"))).to_be_visible()


async def test_classic_notebook_warns_of_the_time_and_tells_of_the_end(
    browser: Browser, place: Place, hopyard: Hopyard
) -> None:
    async with visitor(browser) as context:
        page = await _started(context, place)
        await _leave(hopyard, place.user, timedelta(minutes=4))
        classic = await context.new_page()
        await classic.goto(f"{place.server_url}nbclassic/tree")
        bar = classic.locator("#hopyard-server")
        await expect(bar).to_contain_text("stopped in 4 minutes")
        await shot(classic, "time-left-classic")
        await bar.get_by_role("button", name="6 hours more").click()
        await expect(bar).to_have_count(0)
        await expect(page.get_by_text(re.compile(r"6 h \d min left"))).to_be_visible()
        await pages.stop(page)
        await expect(bar).to_contain_text("does not answer", timeout=60 * SECONDS)
        await shot(classic, "ended-classic")
        async with context.expect_page() as opened:
            await bar.get_by_role("link", name="Open the project’s page").click()
        await expect((await opened.value).locator("#start")).to_be_visible()


async def _started(context: BrowserContext, place: Place) -> Page:
    """Sign in and start the server; return the Jupyter page."""
    page = await context.new_page()
    await pages.sign_in(page, place.jupyter, place.user, place.password)
    await pages.start(page)
    return page


async def _leave(hopyard: Hopyard, user: str, time: timedelta) -> None:
    """Let a server have this much time left, as if it had run since long ago."""
    engine = make_engine(hopyard.settings.database)
    async with engine.begin() as connection:
        row = update(ServerRow).where(ServerRow.user_name == user)
        await connection.execute(row.values(expires_at=now() + time))
    await engine.dispose()
