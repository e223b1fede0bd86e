"""Before a server's time is up JupyterLab says so, and gives more."""

from __future__ import annotations

import re
from datetime import timedelta

from playwright.async_api import Browser, expect
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
        page = await context.new_page()
        await pages.sign_in(page, place.jupyter, place.user, place.password)
        await pages.start(page)
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


async def _leave(hopyard: Hopyard, user: str, time: timedelta) -> None:
    """Let a server have this much time left, as if it had run since long ago."""
    engine = make_engine(hopyard.settings.database)
    async with engine.begin() as connection:
        row = update(ServerRow).where(ServerRow.user_name == user)
        await connection.execute(row.values(expires_at=now() + time))
    await engine.dispose()
