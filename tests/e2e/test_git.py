"""Work in a Git repository, click by click, against a real Git server with a key."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
import psutil
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.e2e import pages
from tests.e2e.browser import shot, visitor
from tests.e2e.conftest import Place, new_place
from tests.git_server import GitServer, Keep, git, temp_git
from tests.platform import Hopyard, temp_hopyard, until

KEY = "glpat-the-key-that-nobody-sees"
NOTEBOOK = nbformat.writes(
    nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell("print('first')", id="one")],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python"}},
    )
).encode()

COMMIT = """async (address) => {
  const xsrf = document.cookie.split("; ").find((one) => one.startsWith("_xsrf=")).slice(6);
  const body = JSON.stringify({ commit_msg: "Changed in JupyterLab", amend: false });
  const headers = { "X-XSRFToken": xsrf, "Content-Type": "application/json" };
  return (await fetch(address, { method: "POST", headers, body })).status;
}"""


@dataclass
class Setting:
    """A platform, and a Git server that it may reach."""

    hopyard: Hopyard
    server: GitServer
    keep: Keep


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitServer]:
    with temp_git(tmp_path_factory.mktemp("git-server")) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def setting(
    tmp_path_factory: pytest.TempPathFactory, server: GitServer
) -> AsyncIterator[Setting]:
    keep = server.make("team/notebooks", KEY, {"work.ipynb": NOTEBOOK, "README.md": b"Ours"})
    async with temp_hopyard(
        tmp_path_factory.mktemp("hopyard-git"),
        HOPYARD_GIT__INTERNAL_HOSTS=json.dumps([server.host]),
        HOPYARD_GIT__CA_FILE=str(server.ca),
    ) as hopyard:
        yield Setting(hopyard, server, keep)


async def choose(page: Page, place: Place, url: str) -> None:
    """Keep the key, then choose the repository on the Jupyter page."""
    await pages.sign_in(page, f"{place.url}projects/secrets", place.user, place.password)
    await pages.keep_secret(page, "git-key", KEY)
    await page.goto(place.jupyter)
    await page.get_by_text("Git", exact=True).click()
    await page.get_by_label("Provider").select_option("Any Git server")
    await page.get_by_label("Repository").fill(url)
    await page.get_by_label("API key").select_option("git-key")


def copy_of(setting: Setting, place: Place) -> Path:
    copies = setting.hopyard.data_dir / "repositories" / place.user / place.project
    (found,) = copies.glob("*/.git")
    return found.parent


def leaks(hopyard: Hopyard) -> list[str]:
    """Return where the key is in clear: processes, and files of the data directory."""
    found = []
    for process in hopyard.remaining():
        try:
            if KEY in " ".join(process.cmdline()) + str(process.environ()):
                found.append(f"process {process.cmdline()[:4]}")
        except psutil.Error:
            continue
    for file in hopyard.data_dir.rglob("*"):
        if file.is_file() and KEY.encode() in file.read_bytes():
            found.append(str(file))
    return found


async def test_work_in_a_repository_from_key_to_remote(browser: Browser, setting: Setting) -> None:
    async with new_place(setting.hopyard) as place, visitor(browser) as context:
        page = await context.new_page()
        await choose(page, place, "https://127.0.0.1:1/team/notebooks.git?x")
        await expect(page.locator("#fault-git_url")).to_contain_text("No “?” and no “#”")
        await page.get_by_label("Repository").fill(setting.server.url("team/notebooks"))
        await page.get_by_role("button", name="A new branch").click()
        branch = f"{place.user}/notebooks"
        await expect(page.get_by_label("Head branch")).to_have_value(branch)
        await expect(page.locator("#saved")).to_contain_text("Saved")
        await page.get_by_role("button", name="Check connection").click()
        said = page.locator("#git-said")
        await expect(said.locator(".good")).to_be_visible()
        await shot(page, "git-settings")
        await pages.start(page)
        lab = await pages.open_in_tab(context, page, "#open")
        await expect(lab.get_by_role("listitem", name="work.ipynb")).to_be_visible()
        answer = await lab.request.get(lab.url.split("/lab")[0] + "/api/contents")
        assert {one["name"] for one in (await answer.json())["content"]} == {
            "work.ipynb",
            "README.md",
        }
        await lab.get_by_role("listitem", name="work.ipynb").dblclick()
        cell = lab.locator(".jp-Notebook .cm-content").first
        await expect(cell).to_contain_text("first", timeout=pages.START_SECONDS)
        await cell.click()
        await lab.keyboard.press("Control+End")
        await lab.keyboard.type("  # changed here")
        await lab.keyboard.press("Control+S")
        await lab.get_by_role("tab", name="Git").click()
        changed = lab.locator(".jp-git-tab-panel, #jp-git-sessions").get_by_text("work.ipynb").first
        await changed.hover()
        await lab.get_by_title("Stage this change").first.click()
        await shot(lab, "git-panel")
        # As the panel does it when its button is pressed.
        assert await lab.evaluate(COMMIT, lab.url.split("/lab")[0] + "/git/commit") == 200
        copy = copy_of(setting, place)

        async def committed() -> bool:
            return git(copy, "log", "-1", "--format=%s|%an|%ae") == (
                f"Changed in JupyterLab|{place.user}|{place.user}@127.0.0.1"
            )

        await until("the commit is there", committed)
        assert leaks(setting.hopyard) == []
        await pages.stop(page)
        assert b"# changed here" in setting.keep.read(branch, "work.ipynb")
        assert setting.keep.tip("main") != setting.keep.tip(branch)


async def test_push_that_is_refused_stops_nothing_and_can_be_made_up_for(
    browser: Browser, setting: Setting
) -> None:
    keep = setting.server.make("team/protected", KEY, {"work.ipynb": NOTEBOOK})
    keep.hook(
        "pre-receive", "echo 'GitLab: You are not allowed to push to protected branches'; exit 1"
    )
    async with new_place(setting.hopyard) as place, visitor(browser) as context:
        page = await context.new_page()
        await choose(page, place, setting.server.url("team/protected"))
        await expect(page.locator("#saved")).to_contain_text("Saved")
        await pages.start(page)
        copy = copy_of(setting, place)
        (copy / "work.ipynb").write_text("{}")
        git(copy, "commit", "-qam", "not on the server")
        (copy / "new.txt").write_text("uncommitted")
        await pages.stop(page)
        await page.reload()
        said = page.locator("#git-said")
        await expect(said).to_contain_text("Last push")
        await expect(said.locator(".bad")).to_be_visible()
        await shot(page, "git-refused")
        (keep.folder / "hooks" / "pre-receive").unlink()
        await page.get_by_role("button", name="Push now").click()
        await expect(said.locator(".good")).to_be_visible()
        assert keep.read("main", "work.ipynb") == b"{}"
        assert (copy / "new.txt").read_text() == "uncommitted"
        found = await setting.hopyard.api(
            place.user, "GET", f"projects/{place.project}/repository/rescues"
        )
        assert [one["files"] for one in found.json()["data"]["rescues"]] == [1]
        # What is gone from the working copy can be brought back; what is there needs no offer.
        await page.reload()
        kept = page.locator("#kept-aside")
        await expect(kept.get_by_role("button")).to_have_count(0)
        (copy / "new.txt").unlink()
        await page.reload()
        await kept.get_by_role("button", name="Show").click()
        await expect(kept.locator(".diff")).to_contain_text("+uncommitted")
        await shot(page, "git-rescue")
        await kept.get_by_role("button", name="Restore").click()
        await expect(kept.locator(".good")).to_be_visible()
        assert (copy / "new.txt").read_text() == "uncommitted"
