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
from playwright.async_api import Browser, BrowserContext, Page, expect

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

TALL = {"width": 1280, "height": 1000}
"""The Git panel shows changes, history and branches one below the other."""


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


async def saved(lab: Page) -> None:
    """Save as a person does, and wait until JupyterLab says that it is."""
    await lab.keyboard.press("Control+S")
    await expect(lab.locator(".lm-TabBar-tab.lm-mod-current.jp-mod-dirty")).to_have_count(0)


async def edited(lab: Page, text: str) -> None:
    """Write at the end of the notebook's cell, and save."""
    await lab.locator(".jp-Notebook .cm-content").first.click()
    await lab.keyboard.press("Control+End")
    await lab.keyboard.type(text)
    await saved(lab)


async def committed(lab: Page, file: str, message: str) -> None:
    """Stage a file and commit it in the Git panel, with its buttons."""
    panel = lab.locator("#jp-git-sessions")
    await panel.get_by_text(file, exact=True).first.hover()
    await panel.get_by_title("Stage this change").first.click()
    await panel.get_by_placeholder("Commit message").first.fill(message)
    await panel.get_by_role("button", name="Commit", exact=True).click()
    await expect(lab.get_by_text("Committed changes.").first).to_be_visible()
    await expect(panel.get_by_text(message, exact=True).first).to_be_visible()


async def opened(context: BrowserContext, page: Page, file: str) -> Page:
    """Start, open JupyterLab, open a notebook by a click, then the Git panel."""
    await pages.start(page)
    lab = await pages.open_in_tab(context, page, "#open")
    await lab.set_viewport_size(TALL)
    await lab.get_by_role("listitem", name=file).dblclick()
    cell = lab.locator(".jp-Notebook .cm-content").first
    await expect(cell).to_contain_text("first", timeout=pages.START_SECONDS)
    await expect(lab.get_by_text("Python | Idle")).to_be_visible(timeout=pages.START_SECONDS)
    return lab


async def test_work_in_a_repository_from_key_to_remote(browser: Browser, setting: Setting) -> None:
    async with new_place(setting.hopyard) as place, visitor(browser) as context:
        page = await context.new_page()
        await pages.sign_in(page, f"{place.url}projects/secrets", place.user, place.password)
        await pages.keep_secret(page, "git-key", KEY)
        await page.goto(place.jupyter)
        await page.get_by_text("Git", exact=True).click()
        await page.get_by_label("Provider").select_option("Any Git server")
        await expect(page.locator("#saved")).to_contain_text("it needs the repository's address")
        await expect(page.locator("#fault-git_url")).to_be_empty()
        await page.get_by_label("Repository").fill("https://127.0.0.1:1/team/notebooks.git?x")
        await page.get_by_label("API key").select_option("git-key")
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
        lab = await opened(context, page, "work.ipynb")
        address = f"{place.server_url}api/contents"
        platform = setting.hopyard
        async with platform.client(await platform.token(place.user)) as client:
            found = (await client.get(address)).json()
        assert {one["name"] for one in found["content"]} == {
            "work.ipynb",
            "README.md",
        }
        await edited(lab, "  # changed here")
        await lab.get_by_role("tab", name="Git").click()
        await shot(lab, "git-panel")
        await committed(lab, "work.ipynb", "Changed in JupyterLab")
        await shot(lab, "git-committed")
        copy = copy_of(setting, place)
        assert git(copy, "log", "-1", "--format=%s|%an|%ae") == (
            f"Changed in JupyterLab|{place.user}|{place.user}@localhost"
        )
        assert git(copy, "status", "--porcelain") == ""  # no checkpoints of JupyterLab
        assert leaks(setting.hopyard) == []
        await pages.stop(page)
        assert b"# changed here" in setting.keep.read(branch, "work.ipynb")
        assert setting.keep.tip("main") != setting.keep.tip(branch)
        await expect(said).to_contain_text(f"Pushed to branch {branch}")
        await said.scroll_into_view_if_needed()
        await shot(page, "git-pushed")


async def test_the_panel_and_the_terminal_do_all_of_git_without_a_question(
    browser: Browser, setting: Setting
) -> None:
    keep = setting.server.make("team/panel", KEY, {"work.ipynb": NOTEBOOK})
    async with new_place(setting.hopyard) as place, visitor(browser) as context:
        page = await context.new_page()
        await choose(page, place, setting.server.url("team/panel"))
        await expect(page.locator("#saved")).to_have_text("Saved.")
        lab = await opened(context, page, "work.ipynb")
        copy = copy_of(setting, place)
        await edited(lab, "  # changed here")
        await lab.get_by_role("tab", name="Git").click()
        panel = lab.locator("#jp-git-sessions")
        await panel.get_by_text("work.ipynb", exact=True).first.hover()
        await panel.get_by_title("Diff this file").first.click()
        difference = lab.locator(".nbdime-root, .jp-git-diff-root").first
        await expect(difference).to_contain_text("# changed here")
        await shot(lab, "git-diff")
        await panel.get_by_role("button", name="New Branch").click()
        await lab.get_by_title("Enter a branch name").fill("topic/one")
        await lab.get_by_role("button", name="Create Branch").click()
        await expect(panel.get_by_title("Current branch: topic/one")).to_be_visible()
        await committed(lab, "work.ipynb", "On a topic")
        await expect(panel.get_by_text("Work", exact=True)).to_be_visible()  # the history before
        await panel.get_by_title("Publish branch").click()

        async def pushed() -> bool:
            return keep.tip("topic/one") == git(copy, "rev-parse", "HEAD")

        await until("the branch is on the server", pushed)
        keep.commit({"theirs.txt": b"theirs"}, branch="topic/one")
        await panel.get_by_title("Refresh the repository").click()
        await panel.get_by_title("(behind by 1 commits)").click()

        async def pulled() -> bool:
            return (copy / "theirs.txt").exists()

        await until("their commit is here", pulled)
        await shot(lab, "git-history")
        (copy / "mine.txt").write_text("mine")
        await lab.locator(".lm-TabBar-tab", has_text="Launcher").first.click()
        await lab.locator(".jp-LauncherCard[title*='terminal']").first.click()
        await lab.get_by_role("textbox", name="Terminal input").focus()
        await lab.keyboard.type(
            "git add mine.txt && git commit -qm 'In the terminal' && git push\n"
        )

        async def typed() -> bool:
            return git(keep.folder, "log", "-1", "--format=%s", "topic/one") == "In the terminal"

        await until("the terminal's commit is on the server", typed)
        assert keep.read("topic/one", "mine.txt") == b"mine"
        await shot(lab, "git-terminal")
        for dialog in (".jp-Dialog", ".MuiDialog-root"):
            await expect(lab.locator(dialog)).to_have_count(0)
        assert leaks(setting.hopyard) == []


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
        alert = page.locator("#git-alert")
        said = page.locator("#git-said")
        for reloaded in (False, True):
            if reloaded:
                await page.reload()
            await expect(alert).to_contain_text("is protected")
            await expect(said).to_contain_text("Last push")
            await expect(said).to_contain_text("1 unpushed commit and 1 changed file")
        await expect(said.locator(".bad")).to_be_visible()
        await shot(page, "git-refused")
        # JupyterLab says it too at the next start, with the way to this page.
        await pages.start(page)
        lab = await pages.open_in_tab(context, page, "#open")
        notice = lab.locator(".Toastify__toast", has_text="Git:")
        await expect(notice).to_be_visible(timeout=pages.START_SECONDS)
        await shot(lab, "git-notice")
        await notice.get_by_role("button", name="Details").click()
        dialog = lab.locator(".jp-Dialog")
        await expect(dialog).to_contain_text("The last push failed")
        await expect(dialog).to_contain_text("is protected")
        async with context.expect_page() as there:
            await dialog.get_by_role("button", name="Open the Jupyter page").click()
        assert (await there.value).url == place.jupyter
        classic = await context.new_page()
        await classic.goto(lab.url.split("/lab")[0] + "/nbclassic/tree")
        await expect(classic.locator("#hopyard-git")).to_contain_text("The last push failed")
        await shot(classic, "git-notice-classic")
        await lab.close()
        await pages.stop(page)
        (keep.folder / "hooks" / "pre-receive").unlink()
        await page.get_by_role("button", name="Push now").click()
        await expect(said.locator(".good")).to_be_visible()
        await expect(alert).to_be_empty()
        await expect(page.locator("#main")).not_to_contain_text("unpushed commit")
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
