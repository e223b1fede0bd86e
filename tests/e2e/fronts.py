"""The pages in which a notebook is open: how each is used in a browser."""

from __future__ import annotations

import re

from playwright.async_api import Page, expect


class Lab:
    """JupyterLab."""

    name = "lab"
    # A workspace of its own: in the default one, notebooks that were open before are restored as
    # well, hidden, and come first in the page.
    path = "lab/workspaces/{name}/tree/"
    cells = ".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook .jp-CodeCell"
    prompt = ".jp-InputPrompt"
    output = ".jp-OutputArea-output pre"
    running = re.compile(r"\[\*\]")

    async def run_all(self, page: Page) -> None:
        await page.get_by_role("menuitem", name="Run", exact=True).click()
        await page.get_by_text("Run All Cells", exact=True).click()

    async def clear_and_save(self, page: Page) -> None:
        await page.locator(self.cells).first.locator(".jp-InputArea-prompt").click()
        await page.get_by_role("menuitem", name="Edit", exact=True).click()
        await page.get_by_text("Clear Outputs of All Cells", exact=True).click()
        await page.keyboard.press("Control+s")

    async def ready(self, page: Page) -> None:
        await expect(page.get_by_text(re.compile(r"\w+ \| (Idle|Busy)"))).to_be_visible()


class Classic:
    """The Classic Notebook."""

    name = "classic"
    path = "nbclassic/notebooks/"
    cells = ".code_cell"
    prompt = ".input_prompt"
    output = ".output_subarea pre"
    running = re.compile(r"\[\*\]")

    async def run_all(self, page: Page) -> None:
        await page.evaluate("Jupyter.notebook.execute_all_cells()")

    async def clear_and_save(self, page: Page) -> None:
        await page.evaluate("Jupyter.notebook.clear_all_output(); Jupyter.notebook.save_notebook()")

    async def ready(self, page: Page) -> None:
        await page.wait_for_function("Jupyter.notebook?.kernel?.is_connected()")
        await page.wait_for_function("require.defined('nbextensions/hopyard-outputs/main')")


FRONTS = [Lab(), Classic()]
Front = Lab | Classic
