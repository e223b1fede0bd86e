"""One form in two tabs: nothing is put back, and each shows what the other has changed."""

from __future__ import annotations

from playwright.async_api import Browser, Page, expect

from tests.e2e import pages
from tests.e2e.browser import visitor
from tests.e2e.conftest import Place


async def choose(page: Page, field: str, value: str) -> None:
    """Change a field, and wait until it is saved."""
    await page.locator(f"#{field}").fill(value)
    async with page.expect_response("**/jupyter/settings"):
        await page.locator(f"#{field}").press("Tab")
    await expect(page.locator("#saved")).to_have_text("Saved.")


async def test_tab_puts_nothing_back_that_another_saved(browser: Browser, place: Place) -> None:
    async with visitor(browser) as context:
        first, second, deaf = [await context.new_page() for _ in range(3)]
        await deaf.route("**/jupyter/events", lambda route: route.abort())
        await pages.sign_in(first, place.jupyter, place.user, place.password)
        for tab in (second, deaf):
            await tab.goto(place.jupyter)
        await choose(first, "memory", "4096")
        await expect(second.locator("#memory")).to_have_value("4096")
        await expect(deaf.locator("#memory")).to_have_value("2048")
        await choose(deaf, "cores", "2")
        await expect(deaf.locator("#memory")).to_have_value("4096")
        await expect(first.locator("#cores")).to_have_value("2")
        await first.reload()
        await expect(first.locator("#memory")).to_have_value("4096")
        await expect(first.locator("#cores")).to_have_value("2")


async def test_name_that_another_tab_changed_is_not_put_back(
    browser: Browser, place: Place
) -> None:
    async with visitor(browser) as context:
        first, second = await context.new_page(), await context.new_page()
        address = f"{place.project_url}/settings"
        await pages.sign_in(first, address, place.user, place.password)
        await second.goto(address)
        for tab, name in ((first, "Harvest"), (second, "Sowing")):
            await tab.get_by_role("textbox", name="Display name").fill(name)
            await tab.get_by_role("button", name="Rename").click()
        await expect(first.locator(".said")).to_contain_text("Renamed the project")
        await expect(second.locator("#fault-display_name")).to_contain_text("“Harvest”")
        await first.reload()
        await expect(first.get_by_role("textbox", name="Display name")).to_have_value("Harvest")
