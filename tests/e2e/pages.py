"""What a person does on the pages, in words of the pages."""

from __future__ import annotations

from playwright.async_api import BrowserContext, Page, expect

from tests.e2e.browser import SECONDS
from tests.e2e.conftest import Place

LAUNCHER = ".jp-Launcher-body"
START_SECONDS = 90 * SECONDS
CELL_SECONDS = 240 * SECONDS


async def sign_in(page: Page, url: str, name: str, password: str) -> None:
    """Sign in, starting at any page of the platform."""
    await page.goto(url)
    await page.get_by_label("Name").fill(name)
    await page.get_by_label("Password").fill(password)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.locator("#account")).to_contain_text(name)


async def enter_server(page: Page, place: Place) -> None:
    """Sign in at a person's own Jupyter server, which runs.

    The Hub leads back to the platform's real port: once done, the cookie counts at a cable's too.
    """
    await page.goto(f"{place.server_url}nbclassic/tree")
    await expect(page).to_have_url(f"{place.server_url}nbclassic/tree")


async def accept_invitation(page: Page, link: str, password: str) -> None:
    """Choose a password with a one-time link."""
    await page.goto(link)
    await page.get_by_label("Password (at least 10 characters)").fill(password)
    await page.get_by_label("The same again").fill(password)
    await page.get_by_role("button", name="Set password and sign in").click()
    await page.wait_for_url("**/projects/")


async def choose_spark(page: Page) -> None:
    """Choose the mode Spark."""
    await page.locator('label[for="mode-spark"]').click()
    await expect(page.get_by_label("Driver memory")).to_be_visible()


async def start(page: Page) -> None:
    """Press Start, and wait until the server runs."""
    await page.locator("#start").click()
    await expect(page.locator("#open")).to_be_visible(timeout=START_SECONDS)


async def stop(page: Page) -> None:
    """Press Stop, and wait until Start is there again."""
    await page.locator("#stop").click()
    await expect(page.locator("#start")).to_be_visible(timeout=START_SECONDS)


async def keep_secret(page: Page, name: str, value: str, who: str = "Only you") -> None:
    """Add or replace a secret on its page."""
    await page.get_by_label("Name").fill(name)
    await page.get_by_label("Value").fill(value)
    await page.get_by_label("Who may use it").select_option(who)
    await page.get_by_role("button", name="Keep").click()


async def open_in_tab(context: BrowserContext, page: Page, selector: str) -> Page:
    """Follow a link that opens a tab."""
    async with context.expect_page() as opened:
        await page.locator(selector).first.click()
    return await opened.value
