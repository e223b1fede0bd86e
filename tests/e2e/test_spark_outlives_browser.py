"""Spark cells run on while the network is cut, the tab asleep or closed; no line is lost.

`HOPYARD_AWAY_SECONDS` (default 4) is how long each of these lasts: `make soak` says 75.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
import re
from collections.abc import AsyncIterator

import nbformat
import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, expect

from tests.e2e import pages
from tests.e2e.browser import SECONDS, shot, visitor
from tests.e2e.cable import Cable
from tests.e2e.conftest import Place, new_place
from tests.e2e.fronts import FRONTS, Front
from tests.git_server import all_to_its_owner
from tests.platform import Hopyard

AWAY = float(os.environ.get("HOPYARD_AWAY_SECONDS", "4"))
LINES = int(3 * AWAY * 10) + 60
"""Ten a second: more than are printed while the page is away three times."""
STARTED = pages.CELL_SECONDS * 2
"""Three sessions start at the same time."""
DONE = SECONDS * (LINES / 10 + 120)
CELLS = {
    "pyspark": f"""import os, time
for number in range({LINES}):
    while number == {LINES - 20} and not os.path.exists("GATE"):
        time.sleep(0.1)
    print("line", number, flush=True)
    time.sleep(0.1)
""",
    "spark": f"""for (number <- 0 until {LINES}) {{
  while (number == {LINES - 20} && !new java.io.File("GATE").exists) Thread.sleep(100)
  println("line " + number)
  Thread.sleep(100)
}}
""",
    "sparkr": f"""for (number in 0:{LINES - 1}) {{
  while (number == {LINES - 20} && !file.exists("GATE")) Sys.sleep(0.1)
  cat("line ", number, "\\n", sep = "")
  Sys.sleep(0.1)
}}
""",
}
"""By kernel."""
NEXT = {"pyspark": "print('after')", "spark": 'println("after")', "sparkr": 'cat("after\\n")'}


class Book:
    """A notebook whose first cell prints for long, and whose second waits for it."""

    def __init__(self, place: Place, front: Front, kernel: str) -> None:
        self.place, self.front = place, front
        self.file = place.project_folder / "Jupyter" / f"{kernel}-{front.name}.ipynb"
        self.gate = self.file.with_suffix(".gate")
        book = nbformat.v4.new_notebook()
        book.metadata["kernelspec"] = {"name": kernel, "display_name": kernel}
        codes = (CELLS[kernel].replace("GATE", self.gate.name), NEXT[kernel])
        book.cells = [nbformat.v4.new_code_cell(code) for code in codes]
        self.file.write_text(nbformat.writes(book))
        all_to_its_owner(self.file.parent)
        self.page: Page

    async def open(self, context: BrowserContext) -> None:
        self.page = await context.new_page()
        self.page.on("dialog", lambda dialog: dialog.accept())
        path = self.front.path.format(name=self.file.stem)
        await self.page.goto(f"{self.place.server_url}{path}{self.file.name}")
        await self.page.locator(self.front.cells).first.wait_for()

    async def shows(self, text: str, timeout: float) -> None:
        cell = self.page.locator(self.front.cells).first
        await expect(cell).to_contain_text(text, timeout=timeout)

    async def lines(self, number: int) -> list[str]:
        """What a cell's code printed; the first cell says other things too."""
        cell = self.page.locator(self.front.cells).nth(number)
        outputs = await cell.locator(self.front.output).all_text_contents()
        lines = "".join(f"{text.rstrip()}\n" for text in outputs).splitlines()
        return [line for line in lines if re.match(r"line|after", line)]

    async def has_all(self) -> None:
        for number in (0, 1):
            prompt = self.page.locator(self.front.cells).nth(number).locator(self.front.prompt)
            await expect(prompt).to_have_text(re.compile(r"\[\d+\]"), timeout=DONE)
        assert await self.lines(0) == [f"line {number}" for number in range(LINES)]
        assert await self.lines(1) == ["after"]
        await expect(self.page.get_by_text("File Changed")).to_have_count(0)
        await expect(self.page.get_by_text("Notebook changed")).to_have_count(0)


@pytest_asyncio.fixture(loop_scope="session")
async def cable(hopyard: Hopyard) -> AsyncIterator[Cable]:
    async with Cable(hopyard.port).laid() as laid:
        yield laid


@pytest_asyncio.fixture(loop_scope="session")
async def far(hopyard: Hopyard, cable: Cable) -> AsyncIterator[Place]:
    """A project with a Jupyter server in Spark mode, at the end of the cable."""
    async with new_place(hopyard) as near:
        path = f"projects/{near.project}/jupyter/settings"
        chosen = await hopyard.api(near.user, "PUT", path, json={"mode": "spark"})
        assert chosen.status_code == 200, chosen.text
        await hopyard.start_server(near.user, near.project)
        yield dataclasses.replace(near, url=cable.url)


@pytest.mark.parametrize("front", FRONTS, ids=lambda front: front.name)
async def test_every_line_of_every_spark_kernel_is_there(
    browser: Browser, hopyard: Hopyard, far: Place, cable: Cable, front: Front
) -> None:
    async with visitor(browser) as context:
        page = await context.new_page()
        await pages.sign_in(page, far.url, far.user, far.password)
        await pages.enter_server(page, dataclasses.replace(far, url=hopyard.url))
        books = [Book(far, front, kernel) for kernel in CELLS]
        for book in books:
            await book.open(context)
            await front.ready(book.page)
            await front.run_all(book.page)
        for book in books:
            await book.shows("line 5", STARTED)

        cable.cut()
        await context.set_offline(True)
        await asyncio.sleep(AWAY)
        cable.mend()
        await context.set_offline(False)
        for book in books:
            await book.shows(f"line {int(AWAY * 10)}", DONE)

        tabs = [await context.new_cdp_session(book.page) for book in books]
        for tab in tabs:
            await tab.send("Page.setWebLifecycleState", {"state": "frozen"})
        cable.cut()
        await asyncio.sleep(AWAY)
        cable.mend()
        for tab in tabs:
            await tab.send("Page.setWebLifecycleState", {"state": "active"})
        for book in books:
            await book.shows(f"line {int(2 * AWAY * 10)}", DONE)

        for book in books:
            await book.page.close()
        await asyncio.sleep(AWAY)
        for book in books:
            book.gate.touch()
            await book.open(context)
            await book.has_all()
            await shot(book.page, f"every-line-{book.file.stem}")
