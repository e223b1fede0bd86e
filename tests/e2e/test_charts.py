"""Charts of a table: in JupyterLab, after a reload, and in the Classic Notebook."""

from __future__ import annotations

import json
import re

import nbformat
from playwright.async_api import Browser, Page, expect

from tests.e2e import pages
from tests.e2e.browser import SECONDS, shot, visitor
from tests.e2e.conftest import Place
from tests.e2e.fronts import Classic, Lab

QUERY = "%%sql\nSELECT id, id * 2 AS twice FROM range(5)"

RESTART = "new Promise((done, failed) => Jupyter.notebook.kernel.restart(done, failed))"


def complaints(page: Page) -> list[str]:
    """Collect what a page asks for in vain, and what it complains of."""
    found: list[str] = []
    page.on("response", lambda it: found.append(f"{it.status} {it.url}") if it.status > 399 else 0)
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on("console", lambda it: found.append(it.text) if it.type == "error" else None)
    return found


async def draws(page: Page, place: str) -> None:
    """Choose a chart, and see it."""
    button = page.locator(place).get_by_role("button", name="Line")
    await button.click(timeout=60 * SECONDS)
    await expect(page.locator(f"{place} img.widget-image")).to_be_visible()


async def test_charts_are_drawn_in_both_pages_and_after_a_reload(
    browser: Browser, place: Place
) -> None:
    book = nbformat.v4.new_notebook(
        metadata={"kernelspec": {"name": "pyspark", "display_name": ""}}
    )
    book.cells = [nbformat.v4.new_code_cell(QUERY, id="query")]
    (place.project_folder / "Jupyter" / "charts.ipynb").write_text(nbformat.writes(book))
    async with visitor(browser) as context:
        page = await context.new_page()
        await pages.sign_in(page, place.jupyter, place.user, place.password)
        await pages.choose_spark(page)
        await pages.start(page)
        base = (await page.locator("#open").evaluate("it => it.href")).split("/lab")[0]
        lab = await context.new_page()
        said = complaints(lab)
        await lab.goto(f"{base}/{Lab.path.format(name='charts')}charts.ipynb")
        await Lab().ready(lab)
        await Lab().run_all(lab)
        await expect(lab.get_by_role("button", name="Line")).to_be_visible(
            timeout=pages.CELL_SECONDS
        )
        await draws(lab, Lab.cells)
        await lab.keyboard.press("Control+s")
        await expect(lab.locator(".jp-mod-dirty")).to_have_count(0)
        await lab.reload()
        await draws(lab, Lab.cells)
        await expect(lab.get_by_text("model not found")).to_have_count(0)
        await shot(lab, "charts-lab")
        assert not said, json.dumps(said, indent=1)
        await lab.close()

        classic = await context.new_page()
        said = complaints(classic)
        await classic.goto(f"{base}/{Classic.path}charts.ipynb")
        await Classic().ready(classic)
        await Classic().run_all(classic)
        await draws(classic, Classic.cells)
        await shot(classic, "charts-classic")
        assert not [words for words in said if re.search("widget|40[0-9] ", words)], said
        await classic.evaluate("Jupyter.notebook.save_notebook()")
        await classic.evaluate(RESTART)
        await classic.close()

        # With another kernel nobody has the buttons any more: the table is there.
        again = await context.new_page()
        await _has_table(again, f"{base}/{Lab.path.format(name='again')}charts.ipynb")
        await pages.stop(page)
        await pages.start(page)
        await _has_table(again, again.url)


async def _has_table(page: Page, address: str) -> None:
    await page.goto(address)
    await Lab().ready(page)
    await expect(page.get_by_text("5 rows × 2 columns")).to_be_visible()
    await expect(page.get_by_text("model not found")).to_have_count(0)
