"""A member is removed after a question, and told: on the project's page and in JupyterLab."""

from __future__ import annotations

from playwright.async_api import Browser, expect

from tests.e2e import pages
from tests.e2e.browser import SECONDS, shot, visitor
from tests.e2e.conftest import Place
from tests.platform import Hopyard


async def test_removed_member_is_told_on_the_page_and_in_lab(
    browser: Browser, place: Place, stranger: Place, hopyard: Hopyard
) -> None:
    member = f"projects/{place.project}/members/{stranger.user}"
    added = await hopyard.api(place.user, "PUT", member, json={"role": "data_scientist"})
    assert added.status_code == 200, added.text
    async with visitor(browser) as context, visitor(browser) as owners:
        page = await context.new_page()
        await pages.sign_in(page, place.jupyter, stranger.user, stranger.password)
        await pages.start(page)
        await page.evaluate("localStorage.setItem('hopyard-theme', 'dark')")
        lab = await pages.open_in_tab(context, page, "#open")
        await expect(lab.locator(pages.LAUNCHER)).to_be_visible(timeout=60 * SECONDS)

        # The theme goes on behind JupyterLab's door.
        await expect(lab.locator("body")).to_have_attribute("data-jp-theme-light", "false")

        owner = await owners.new_page()
        await pages.sign_in(owner, f"{place.project_url}/members", place.user, place.password)
        remove = owner.get_by_role("button", name=f"Remove {stranger.user}")
        await remove.click()
        ends = owner.get_by_text(f"The Jupyter server of {stranger.user} is running: it ends")
        await expect(ends).to_be_visible()
        await remove.click()
        await expect(owner.locator(".said")).to_contain_text(f"Removed {stranger.user}")

        told = f"{place.user} removed you on"
        await expect(page.get_by_text(told)).to_be_visible()
        await shot(page, "removed")
        dialog = lab.locator(".jp-Dialog")
        await expect(dialog).to_contain_text("does not answer", timeout=120 * SECONDS)
        await expect(dialog.get_by_role("button", name="Restart")).to_have_count(0)
        await shot(lab, "removed-lab")
        async with context.expect_page() as opened:
            await dialog.get_by_role("button", name="Open the project’s page").click()
        await expect((await opened.value).get_by_text(told)).to_be_visible()
