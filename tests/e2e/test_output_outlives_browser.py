"""Cells run on while the page is closed, cut off or asleep; then every line is there.

`HOPYARD_AWAY_SECONDS` (default 4) is how long the page is away: `make soak` says 75.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import re
from collections.abc import AsyncIterator

import nbformat
import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Locator, Page, expect

from tests.e2e import pages
from tests.e2e.browser import SECONDS, shot, visitor
from tests.e2e.cable import Cable
from tests.e2e.conftest import Place, new_place
from tests.e2e.fronts import FRONTS, Front
from tests.git_server import all_to_its_owner
from tests.platform import Hopyard, until

AWAY = float(os.environ.get("HOPYARD_AWAY_SECONDS", "4"))
LINES = int(AWAY * 10) + 40
PRINT = f"""import os, time
for number in range({LINES}):
    while number == {LINES - 20} and not os.path.exists("GATE"):
        time.sleep(0.1)
    print("line", number, flush=True)
    time.sleep(0.1)
"""
DISPLAY = """from IPython.display import display
shown = display({"text/plain": "first"}, raw=True, display_id="one")
for number in range(5):
    shown.update({"text/plain": f"update {number}"}, raw=True)
    print("then", number)
"""
TEXT = "".join(f"line {number}\n" for number in range(LINES))
SECOND = "update 4\n" + "".join(f"then {number}\n" for number in range(5))
DONE = SECONDS * (LINES / 10 + 90)


class Book:
    """One notebook with two cells, in one of the pages."""

    def __init__(self, context: BrowserContext, front: Front, place: Place, name: str) -> None:
        self.context, self.front, self.place = context, front, place
        self.file = place.project_folder / "Jupyter" / f"{name}-{front.name}.ipynb"
        book = nbformat.v4.new_notebook()
        book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python"}
        self.gate = self.file.with_suffix(".gate")
        codes = (PRINT.replace("GATE", self.gate.name), DISPLAY)
        book.cells = [nbformat.v4.new_code_cell(code) for code in codes]
        self.file.write_text(nbformat.writes(book))
        all_to_its_owner(self.file.parent)

    async def open(self) -> Page:
        page = await self.context.new_page()
        page.on("dialog", lambda dialog: dialog.accept())
        path = self.front.path.format(name=self.file.stem)
        await page.goto(f"{self.place.server_url}{path}{self.file.name}")
        await page.locator(self.front.cells).first.wait_for()
        return page

    def cell(self, page: Page, number: int) -> Locator:
        return page.locator(self.front.cells).nth(number)

    async def text(self, page: Page, number: int) -> str:
        outputs = await self.cell(page, number).locator(self.front.output).all_text_contents()
        return "".join(f"{text.rstrip()}\n" for text in outputs)

    async def has_all(self, page: Page) -> None:
        """Every line of both cells is there, once, and nothing runs any more."""
        prompts = [self.cell(page, number).locator(self.front.prompt) for number in (0, 1)]
        for prompt in prompts:
            await expect(prompt).to_have_text(re.compile(r"\[\d+\]"), timeout=DONE)
        # The prompt may come before the last lines: each has a message of its own.
        with contextlib.suppress(AssertionError):
            await until("every line is there", lambda: self._shows_all(page), 20)
        assert await self.text(page, 0) == TEXT
        assert await self.text(page, 1) == SECOND
        await expect(page.get_by_text("File Changed")).to_have_count(0)
        await expect(page.get_by_text("Notebook changed")).to_have_count(0)

    async def _shows_all(self, page: Page) -> bool:
        return [await self.text(page, number) for number in (0, 1)] == [TEXT, SECOND]

    async def saved(self) -> bool:
        """Return whether the file has every line."""
        cells = nbformat.read(self.file, as_version=4).cells
        outputs = [
            "".join(one.get("text") or one.data["text/plain"].rstrip() + "\n" for one in c.outputs)
            for c in cells
        ]
        return outputs == [TEXT, SECOND]

    async def begin(self) -> Page:
        page = await self.open()
        await self.front.ready(page)
        await self.front.run_all(page)
        await expect(self.cell(page, 0)).to_contain_text("line 5", timeout=DONE)
        return page


@pytest_asyncio.fixture(loop_scope="session")
async def cable(hopyard: Hopyard) -> AsyncIterator[Cable]:
    async with Cable(hopyard.port).laid() as laid:
        yield laid


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def near(hopyard: Hopyard) -> AsyncIterator[Place]:
    async with new_place(hopyard) as made:
        await hopyard.start_server(made.user, made.project)
        yield made


@pytest.fixture
def far(near: Place, cable: Cable) -> Place:
    """A project with a Jupyter server, at the end of the cable."""
    return dataclasses.replace(near, url=cable.url)


@pytest_asyncio.fixture(loop_scope="session")
async def context(browser: Browser, near: Place, far: Place) -> AsyncIterator[BrowserContext]:
    async with visitor(browser) as context:
        page = await context.new_page()
        await pages.sign_in(page, far.url, far.user, far.password)
        await pages.enter_server(page, near)
        yield context


@pytest.mark.parametrize("front", FRONTS, ids=lambda front: front.name)
async def test_cells_go_on_while_the_page_is_closed(
    context: BrowserContext, far: Place, front: Front
) -> None:
    book = Book(context, front, far, "closed")
    await (await book.begin()).close()
    page = await book.open()
    await expect(book.cell(page, 0).locator(front.prompt)).to_have_text(front.running)
    await expect(book.cell(page, 1).locator(front.prompt)).to_have_text(front.running)
    await shot(page, f"output-goes-on-{front.name}")
    book.gate.touch()
    await expect(book.cell(page, 0)).to_contain_text(f"line {LINES - 15}", timeout=DONE)
    await page.close()
    await until("the notebook is written", book.saved, DONE / SECONDS)
    page = await book.open()
    await book.has_all(page)
    await shot(page, f"output-is-there-{front.name}")
    await front.clear_and_save(page)

    async def cleared() -> bool:
        return all(not c.outputs for c in nbformat.read(book.file, as_version=4).cells)

    await until("the notebook is saved without outputs", cleared)
    await page.close()
    page = await book.open()
    assert await book.text(page, 0) == ""


@pytest.mark.parametrize("front", FRONTS, ids=lambda front: front.name)
async def test_nothing_is_lost_when_the_network_is_cut(
    context: BrowserContext, far: Place, cable: Cable, front: Front
) -> None:
    book = Book(context, front, far, "cut")
    page = await book.begin()
    book.gate.touch()
    cable.cut()
    await context.set_offline(True)
    await page.wait_for_timeout(AWAY * SECONDS)
    cable.mend()
    await context.set_offline(False)
    await book.has_all(page)


@pytest.mark.parametrize("front", FRONTS, ids=lambda front: front.name)
async def test_nothing_is_lost_when_the_laptop_sleeps(
    context: BrowserContext, far: Place, cable: Cable, front: Front
) -> None:
    book = Book(context, front, far, "asleep")
    page = await book.begin()
    book.gate.touch()
    devtools = await context.new_cdp_session(page)
    await devtools.send("Page.setWebLifecycleState", {"state": "frozen"})
    cable.cut()
    await asyncio.sleep(AWAY)
    cable.mend()
    await devtools.send("Page.setWebLifecycleState", {"state": "active"})
    await book.has_all(page)


@pytest.mark.parametrize("front", FRONTS, ids=lambda front: front.name)
async def test_two_tabs_of_one_notebook_both_have_every_line(
    context: BrowserContext, far: Place, front: Front
) -> None:
    book = Book(context, front, far, "twice")
    first = await book.begin()
    second = await book.open()
    await expect(book.cell(second, 0)).to_contain_text("line 5", timeout=DONE)
    book.gate.touch()
    await book.has_all(second)
    await first.bring_to_front()
    await book.has_all(first)
