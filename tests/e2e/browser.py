"""Chromium for the tests, and the pictures of what it shows."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
]
SIZE = {"width": 1280, "height": 800}
SCREENSHOTS = Path(__file__).parents[2] / "test-results" / "screenshots"
SECONDS = 1000.0
"""Playwright counts in milliseconds."""


@contextlib.asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Run Debian's Chromium (or the one that `CHROMIUM` names)."""
    executable = os.environ.get("CHROMIUM") or shutil.which("chromium")
    assert executable, "Chromium is not installed: apt-get install chromium"
    async with async_playwright() as playwright:
        expect.set_options(timeout=20 * SECONDS)  # many at once on two cores: generous
        browser = await playwright.chromium.launch(executable_path=executable, args=ARGS)
        try:
            yield browser
        finally:
            await browser.close()


@contextlib.asynccontextmanager
async def visitor(browser: Browser) -> AsyncIterator[BrowserContext]:
    """Open a browser profile of its own: nobody is signed in."""
    context = await browser.new_context(viewport=SIZE, color_scheme="light", locale="en-GB")
    context.set_default_timeout(30 * SECONDS)
    try:
        yield context
    finally:
        await context.close()


async def shot(page: Page, name: str) -> None:
    """Take the picture of a page: `make screenshots` shows it in the docs."""
    assert re.fullmatch(r"[a-z-]+", name)
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=SCREENSHOTS / f"{name}.png", animations="disabled")
