"""The tutorial, as a newcomer walks it: from sign-in to a PySpark cell and back."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from playwright.async_api import Browser, BrowserContext, Page, expect

from hopyard.cli.check import NOTEBOOK
from hopyard.cli.demo import DISPLAY_NAME
from tests.e2e import pages
from tests.e2e.browser import SECONDS, shot, visitor
from tests.e2e.conftest import Place
from tests.platform import ADMIN, DEMO, Hopyard

CHOSEN = "spark.hopyard.chosen"


async def test_tutorial_runs_from_sign_in_to_stop(
    browser: Browser, admin: Place, hopyard: Hopyard
) -> None:
    await hopyard.stop_server(ADMIN, DEMO)  # where another test has left it
    async with visitor(browser) as context:
        page = await context.new_page()
        await page.goto(admin.url)
        await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        await shot(page, "sign-in")
        await pages.sign_in(page, admin.url, admin.user, admin.password)
        await shot(page, "projects")

        await page.get_by_role("link", name=DISPLAY_NAME).click()
        await pages.choose_spark(page)
        await pages.start(page)
        await expect(page.get_by_text(re.compile(r"[56] h \d+ min left"))).to_be_visible()

        await _choose_property(page, f"{CHOSEN}=later")
        lab = await pages.open_in_tab(context, page, "#open")
        await _run_demo_notebook(lab, NOTEBOOK)
        await _expect_property(hopyard, "later")
        await _choose_property(page, "")
        await _look_at_logs(context, page)
        await _look_at_spark_ui(context, page, await hopyard.token(ADMIN))
        await page.mouse.move(0, 0)
        await page.evaluate("scrollTo(0, 0)")
        await shot(page, "jupyter-page")

        await pages.stop(page)
        await expect(page.get_by_text("None. In mode Spark, the first cell")).to_be_visible()


async def _choose_property(page: Page, text: str) -> None:
    """Change what Spark is started with while the Jupyter server runs."""
    await page.evaluate("document.querySelector('.advanced').open = true")
    await page.get_by_label("More Spark properties").fill(text)
    await page.get_by_label("Driver cores").click()
    await expect(page.locator("#saved")).to_have_text("Saved.")
    await page.evaluate("document.querySelector('.advanced').open = false")


async def _expect_property(hopyard: Hopyard, value: str) -> None:
    async with hopyard.client(await hopyard.token(ADMIN)) as client:
        (session,) = (await client.get(f"livy/projects/{DEMO}/sessions")).json()["sessions"]
    assert session["conf"][CHOSEN] == value


async def _run_demo_notebook(lab: Page, notebook: str) -> None:
    await lab.locator(f'.jp-DirListing-item[title*="{notebook}"]').dblclick()
    cells = lab.locator(".jp-Notebook .jp-CodeCell")
    await cells.first.wait_for()
    await expect(lab.get_by_role("button", name="PySpark").first).to_be_visible()
    await lab.get_by_role("menuitem", name="Run", exact=True).click()
    await lab.get_by_text("Run All Cells", exact=True).click()
    await expect(lab.get_by_text("SparkSession available as 'spark'.")).to_be_visible(
        timeout=pages.CELL_SECONDS
    )
    table = lab.locator(".jp-OutputArea table").first
    for head in ("ID", "YARN Application ID", "Kind", "State", "Spark UI", "Driver log"):
        await expect(table).to_contain_text(head)
    prompts = lab.locator(".jp-Notebook .jp-CodeCell .jp-InputPrompt")
    for number in range(await cells.count()):
        await expect(prompts.nth(number)).to_have_text(
            re.compile(r"\[\d+\]:"), timeout=pages.CELL_SECONDS
        )
    await expect(lab.locator('.jp-RenderedText[data-mime-type*="stderr"]')).to_have_count(0)
    await expect(lab.get_by_text("official Jupyter news")).to_have_count(0)
    picture = lab.locator(".jp-OutputArea-output img").first
    await picture.scroll_into_view_if_needed()
    await expect(picture).to_be_visible()
    await shot(lab, "jupyterlab-plot")
    await cells.first.scroll_into_view_if_needed()
    await expect(cells.first).to_be_in_viewport()
    await shot(lab, "jupyterlab")


async def _look_at_spark_ui(context: BrowserContext, page: Page, token: str) -> None:
    row = page.locator("#applications tbody tr")
    await expect(row).to_contain_text("idle")
    tab = await pages.open_in_tab(context, page, '#applications a:text("Spark UI")')
    broken: list[str] = []
    tab.on("response", lambda answer: broken.append(answer.url) if answer.status > 399 else None)
    await expect(tab.get_by_role("heading", name=re.compile("Spark Jobs"))).to_be_visible()
    await expect(tab.locator("#content, body").first).to_contain_text("User: admin")
    await shot(tab, "spark-ui")
    for name in ("Stages", "Environment", "Executors", "Jobs"):
        await tab.locator(".navbar").get_by_role("link", name=name, exact=True).click()
        await expect(tab).to_have_title(re.compile(name))
        assert "/applications/" in tab.url and "/ui/" in tab.url
    # What code in the driver makes the UI say is at a host of its own, and reads no page of ours.
    assert re.fullmatch(r"spark--demo-a\d+\.localhost", urlsplit(tab.url).hostname or "")
    assert "ticket" not in tab.url
    assert await tab.evaluate("document.cookie") == ""
    read = "url => fetch(url, {credentials: 'include'}).then(a => a.text(), () => 'refused')"
    assert await tab.evaluate(read, page.url) == "refused"
    # Asked by livy's own address, which is at our host, it is at that host too.
    number = re.findall(r"/applications/(\d+)/", tab.url)[0]
    own = urlsplit(page.url)
    await tab.set_extra_http_headers({"Authorization": f"Bearer {token}"})
    place = f"livy/projects/{DEMO}/sessions/{number}/ui/jobs/"
    await tab.goto(f"{own.scheme}://{own.netloc}/{place}")
    await expect(tab.get_by_role("heading", name=re.compile("Spark Jobs"))).to_be_visible()
    assert re.fullmatch(r"spark--demo-a\d+\.localhost", urlsplit(tab.url).hostname or "")
    assert not broken
    await tab.close()


async def _look_at_logs(context: BrowserContext, page: Page) -> None:
    logs = await pages.open_in_tab(context, page, '#server a:text("Logs")')
    await expect(logs.locator("#lines")).to_contain_text("ServerApp", timeout=20 * SECONDS)
    await expect(logs.locator("#live")).to_contain_text("Following")
    await logs.locator(".source .bi-lightning-charge").first.click()
    await expect(logs.locator("#lines")).to_contain_text("Spark", timeout=20 * SECONDS)
    await shot(logs, "logs")
    await logs.close()
