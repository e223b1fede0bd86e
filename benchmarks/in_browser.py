"""From pressing Start to JupyterLab's launcher in Chromium: Hopyard's, and plain JupyterHub's."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import AsyncIterator

from playwright.async_api import Page, async_playwright

from benchmarks import plain_hub, running

LAUNCHER = ".jp-Launcher-body"
MILLISECONDS = 120_000.0
ARGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


@contextlib.asynccontextmanager
async def _new_visitor() -> AsyncIterator[Page]:
    """Open a page of a fresh browser: nothing is cached, nobody is signed in."""
    executable = os.environ.get("CHROMIUM") or shutil.which("chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, args=ARGS)
        context = await browser.new_context(viewport={"width": 1280, "height": 800})
        context.set_default_timeout(MILLISECONDS)
        try:
            yield await context.new_page()
        finally:
            await browser.close()


async def hopyard(url: str) -> float:
    """Press Start, and Open once it is there; return the seconds until the launcher shows."""
    async with _new_visitor() as page:
        await page.goto(f"{url}projects/{running.PROJECT}/jupyter")
        await page.fill("#username_input", running.ADMIN)
        await page.fill("#password_input", running.PASSWORD)
        await page.click("#login_submit")
        await page.wait_for_selector("#start")
        begin = time.perf_counter()
        await page.click("#start")
        async with page.expect_popup() as popup:
            await page.click("#open")
        lab = await popup.value
        await lab.wait_for_selector(LAUNCHER)
        return time.perf_counter() - begin


async def plain(url: str) -> float:
    """Sign in, ask for the server; return the seconds until the launcher shows."""
    async with _new_visitor() as page:
        await page.goto(f"{url}hub/login?next=/hub/token")
        await page.fill("#username_input", plain_hub.USER)
        await page.fill("#password_input", "any")
        await page.click("#login_submit")
        await page.wait_for_url("**/hub/token")
        begin = time.perf_counter()
        await page.goto(f"{url}hub/spawn/{plain_hub.USER}/{plain_hub.SERVER}")
        await page.wait_for_selector(LAUNCHER)
        return time.perf_counter() - begin
