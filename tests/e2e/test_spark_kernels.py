"""The Spark kernels in JupyterLab: the launcher, progress while a cell runs, help while typing."""

from __future__ import annotations

import re

from playwright.async_api import Browser, Page, expect

from tests.e2e import pages
from tests.e2e.browser import SECONDS, shot, visitor
from tests.e2e.conftest import Place

SLOW = (
    "import time\n"
    "print('live')\n"
    "spark.sparkContext.parallelize(range(40), 40)"
    ".map(lambda x: time.sleep(0.5)).count()"
)


async def test_lab_offers_the_kernels_and_shows_progress_and_help(
    browser: Browser, place: Place
) -> None:
    async with visitor(browser) as context:
        page = await context.new_page()
        await pages.sign_in(page, place.url, place.user, place.password)
        await page.goto(place.jupyter)
        await pages.choose_spark(page)
        await pages.start(page)
        lab = await pages.open_in_tab(context, page, "#open")
        launcher = lab.locator(pages.LAUNCHER)
        for name in ("PySpark", "Spark", "SparkR"):
            card = launcher.locator(f'.jp-LauncherCard[title="{name}"]').first
            await expect(card).to_be_visible(timeout=60 * SECONDS)
        await shot(lab, "launcher")
        await launcher.locator('.jp-LauncherCard[title="PySpark"]').first.click()
        await _run(lab, 0, "'begun'")
        table = lab.locator(".jp-OutputArea table").first
        await expect(table).to_contain_text("Driver log", timeout=pages.CELL_SECONDS)
        prompts = lab.locator(".jp-Notebook .jp-CodeCell .jp-InputPrompt")
        await expect(prompts.first).to_have_text(re.compile(r"\[\d+\]:"), timeout=60 * SECONDS)

        await _run(lab, 1, SLOW)
        output = lab.locator(".jp-Notebook .jp-CodeCell").nth(1)
        await expect(output.get_by_text("live", exact=True)).to_be_visible()
        await expect(output.locator("progress")).to_be_visible(timeout=30 * SECONDS)
        await expect(output.get_by_text(re.compile(r"of 40 tasks"))).to_be_visible()
        await shot(lab, "progress")
        done = output.get_by_text(re.compile(r"Spark: 1 job · 1 stage · 40 tasks"))
        await expect(done).to_be_visible(timeout=60 * SECONDS)
        await expect(output.locator("progress")).to_have_count(0)

        await _run(lab, 2, "display(spark.range(1000).selectExpr('id', 'id * 2 AS twice'))")
        shown = lab.locator(".jp-Notebook .jp-CodeCell").nth(2)
        await expect(shown.get_by_text("the first 20 rows")).to_be_visible(timeout=60 * SECONDS)

        editor = lab.locator(".jp-Notebook .jp-CodeCell").nth(3).locator(".cm-content")
        await editor.click()
        await lab.keyboard.type("spark.ra")
        await lab.keyboard.press("Tab")
        candidate = lab.locator(".jp-Completer-item").filter(has_text="range").first
        await expect(candidate).to_be_visible(timeout=30 * SECONDS)
        await shot(lab, "completion")
        await candidate.click()
        await expect(editor).to_have_text("spark.range")
        await lab.keyboard.press("Shift+Tab")
        await expect(lab.locator(".jp-Tooltip")).to_contain_text("numPartitions")
        await shot(lab, "inspection")


async def _run(lab: Page, number: int, code: str) -> None:
    """Write a cell and run it."""
    editor = lab.locator(".jp-Notebook .jp-CodeCell").nth(number).locator(".cm-content")
    await editor.click(timeout=60 * SECONDS)
    await editor.fill(code)
    await lab.keyboard.press("Shift+Enter")
