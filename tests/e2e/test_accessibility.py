"""Each page, in both themes, wide and narrow: no serious fault that axe finds, nothing cut off."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import Browser, Page

from tests.e2e import pages
from tests.e2e.conftest import Place
from tests.platform import Hopyard

AXE = Path(__file__).parents[2] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
WIDTHS = (1280, 360)
LONG = "x" * 64
"""The longest name that a user may have."""
OURS = (
    "projects/",
    "projects/tours",
    "projects/secrets",
    "projects/people",
    "projects/docs/",
    "projects/docs/how-to/git",
    "projects/docs/reference/settings",
    "projects/none/jupyter",
    "api/docs",
    "hub/token",
    "hub/change-password",
    "hub/spawn",
)
OF_PROJECT = ("jupyter", "members", "settings", "logs")
FAULTS = """async () => (await axe.run(document, {resultTypes: ["violations"]})).violations
  .filter(one => ["serious", "critical"].includes(one.impact))
  .map(one => `${one.id}: ${one.nodes.map(node => node.html.slice(0, 150)).join("; ")}`)"""
UNFOLD = "document.querySelectorAll('details').forEach(one => one.open = true)"
CUT_OFF = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


async def faults(page: Page, name: str) -> list[str]:
    """Return what is wrong with the page that is open, at both widths."""
    found = []
    for width in WIDTHS:
        await page.set_viewport_size({"width": width, "height": 800})
        await page.add_script_tag(path=AXE)
        found += [f"{name}, {width} px: {fault}" for fault in await page.evaluate(FAULTS)]
        if (beyond := await page.evaluate(CUT_OFF)) > 0:
            found.append(f"{name}, {width} px: {beyond} px are cut off")
    return found


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_pages_have_no_serious_fault(
    browser: Browser, admin: Place, hopyard: Hopyard, theme: Literal["light", "dark"]
) -> None:
    await hopyard.api(admin.user, "POST", "invitations", json={"name": LONG})
    context = await browser.new_context(color_scheme=theme, bypass_csp=True)
    try:
        page = await context.new_page()
        await page.goto(f"{admin.url}hub/login")
        found = await faults(page, "hub/login")
        await page.goto(f"{admin.url}hub/welcome")
        found += await faults(page, "hub/welcome")
        await pages.sign_in(page, admin.url, admin.user, admin.password)
        for path in (*OURS, *(f"projects/{admin.project}/{name}" for name in OF_PROJECT)):
            await page.goto(f"{admin.url}{path}")
            # What is folded in is looked at, too.
            await page.evaluate(UNFOLD)
            found += await faults(page, path)
        await page.goto(f"{admin.url}projects/{admin.project}/jupyter")
        await pages.choose_spark(page)
        found += await faults(page, "jupyter, Spark")
        await page.goto(f"{admin.url}projects/{admin.project}/members")
        await page.get_by_role("button", name=f"Remove {admin.user}").click()
        found += await faults(page, "question")
        for says in ("added", "is a member already"):
            await page.goto(f"{admin.url}projects/{admin.project}/members")
            await page.get_by_label("User name").fill(LONG)
            await page.get_by_role("button", name="Add").click()
            found += await faults(page, f"long name, {says}")
        await page.goto(f"{admin.url}projects/people")
        await page.get_by_label("User name").fill(LONG)
        await page.get_by_role("button", name="Make a one-time link").click()
        found += await faults(page, "people, long name")
        assert not found, "\n".join(found)
    finally:
        await hopyard.api(admin.user, "DELETE", f"projects/{admin.project}/members/{LONG}")
        await context.close()
