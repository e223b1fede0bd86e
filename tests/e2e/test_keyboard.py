"""Start and Stop by keyboard: the focus stays, what happens is read out, nothing moves."""

from __future__ import annotations

from playwright.async_api import Browser, Page, expect

from tests.e2e import pages
from tests.e2e.browser import shot, visitor
from tests.e2e.conftest import Place

FOCUSED = "document.activeElement.id"
RING = """(() => {
  const style = getComputedStyle(document.activeElement);
  return style.outlineStyle !== "none" || style.boxShadow !== "none";
})()"""


async def place_of_tabs(page: Page) -> float:
    box = await page.locator("fieldset.tabs").first.bounding_box()
    assert box
    return box["y"]


async def test_start_and_stop_keep_focus_and_place(browser: Browser, place: Place) -> None:
    async with visitor(browser) as context:
        page = await context.new_page()
        await pages.sign_in(page, place.jupyter, place.user, place.password)
        read_out = page.locator("#announce")
        before = await place_of_tabs(page)
        await page.locator("#start").focus()
        await page.keyboard.press("Enter")
        await expect(read_out).to_contain_text("starts: ")
        await expect(page.locator("#server-state")).to_be_focused()
        assert await place_of_tabs(page) == before
        await expect(page.locator("#open")).to_be_visible(timeout=pages.START_SECONDS)
        await expect(read_out).to_have_text("The Jupyter server runs in mode Python.")
        await expect(page.locator("#server-state")).to_be_focused()
        assert await place_of_tabs(page) == before
        # Which mode runs is said whatever tab is chosen, and what is not so yet.
        await page.locator('label[for="mode-spark"]').click()
        await expect(page.locator("#server-state")).to_have_text("Running: Python")
        await expect(page.locator(".waiting")).to_contain_text("mode")
        assert await place_of_tabs(page) == before
        await shot(page, "waits-for-restart")
        await page.locator("#stop").focus()
        await page.keyboard.press("Enter")
        await expect(page.locator("#start")).to_be_visible(timeout=pages.START_SECONDS)
        await expect(read_out).to_have_text("The Jupyter server is stopped.")
        assert await page.evaluate(FOCUSED) == "server-state"
        assert await place_of_tabs(page) == before


async def test_each_stop_of_the_tab_key_has_a_ring(browser: Browser, place: Place) -> None:
    async with visitor(browser) as context:
        page = await context.new_page()
        await pages.sign_in(page, place.jupyter, place.user, place.password)
        seen = []
        for _ in range(40):
            await page.keyboard.press("Tab")
            seen.append(await page.evaluate(FOCUSED))
            if await page.evaluate("document.activeElement === document.body"):
                break
            tag = await page.evaluate("document.activeElement.outerHTML.slice(0, 120)")
            hidden = "btn-check" in tag  # its label has the ring
            assert hidden or await page.evaluate(RING), tag
        assert "account" in seen and "start" in seen
