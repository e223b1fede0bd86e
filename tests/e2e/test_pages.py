"""The pages by themselves: faults at their field, two tabs, the Classic Notebook, strangers."""

from __future__ import annotations

import asyncio
import shutil

from playwright.async_api import Browser, expect

from tests.e2e import pages
from tests.e2e.browser import shot, visitor
from tests.e2e.conftest import Place


async def test_value_out_of_range_is_refused_at_its_field(browser: Browser, place: Place) -> None:
    async with visitor(browser) as context:
        page = await context.new_page()
        await pages.sign_in(page, place.jupyter, place.user, place.password)
        await page.get_by_label("Memory").first.fill("12")
        await page.get_by_label("Cores").first.click()
        await expect(page.locator("#fault-memory")).to_have_text(
            "A whole number from 1024 to 65536 MB."
        )
        await shot(page, "field-fault")
        await page.locator("#start").click()
        await expect(page.locator("#saved")).to_contain_text("correct the marked fields")
        await expect(page.locator("#start")).to_be_enabled()
        await page.get_by_label("Memory").first.fill("2048")
        await page.get_by_label("Cores").first.click()
        await expect(page.locator("#fault-memory")).to_be_empty()


async def test_start_in_two_tabs_at_once_starts_one_server(browser: Browser, place: Place) -> None:
    async with visitor(browser) as context:
        first, second = await context.new_page(), await context.new_page()
        await pages.sign_in(first, place.jupyter, place.user, place.password)
        await second.goto(place.jupyter)
        # In the pages themselves: Playwright waits, and the button is gone from the second tab.
        click = "document.querySelector('#start').click()"
        await asyncio.gather(first.evaluate(click), second.evaluate(click))
        for tab in (first, second):
            await expect(tab.locator("#open")).to_be_visible(timeout=pages.START_SECONDS)
            await expect(tab.locator(".alert")).to_have_count(0)
        await shot(first, "running")
        await pages.stop(first)
        await expect(second.locator("#start")).to_be_visible()


async def test_start_that_fails_says_why_and_points_at_logs(browser: Browser, place: Place) -> None:
    # A file is where the server's folder should be: nothing of ours has to be changed for it.
    folder = place.project_folder / "Jupyter"
    shutil.rmtree(folder)
    folder.write_text("in the way")
    try:
        async with visitor(browser) as context:
            page = await context.new_page()
            await pages.sign_in(page, place.jupyter, place.user, place.password)
            await page.locator("#start").click()
            alert = page.locator("#server .alert-danger")
            await expect(alert).to_contain_text("The start failed.", timeout=pages.START_SECONDS)
            await expect(alert.get_by_role("link", name="Logs")).to_be_visible()
            await expect(page.locator("#start")).to_be_enabled()
            await shot(page, "failed-start")
            logs = await pages.open_in_tab(context, page, '#server a:text("Logs")')
            await expect(logs.locator("#main")).to_be_visible()
    finally:
        folder.unlink()
        folder.mkdir()


async def test_classic_notebook_opens_from_the_arrow(browser: Browser, place: Place) -> None:
    async with visitor(browser) as context:
        page = await context.new_page()
        await pages.sign_in(page, place.jupyter, place.user, place.password)
        await page.locator("#start-more").click()
        await page.get_by_role("button", name="Classic Notebook").click()
        await expect(page.locator("#open")).to_be_visible(timeout=pages.START_SECONDS)
        classic = await pages.open_in_tab(context, page, "#open")
        await expect(classic.locator("#notebook_list")).to_be_visible()
        assert "/nbclassic/tree" in classic.url
        await shot(classic, "classic")
        await pages.stop(page)


async def test_stranger_finds_no_page_of_the_project(
    browser: Browser, place: Place, stranger: Place
) -> None:
    async with visitor(browser) as context:
        page = await context.new_page()
        await pages.sign_in(page, stranger.url, stranger.user, stranger.password)
        for below in ("", "/jupyter", "/members", "/settings", "/logs", "/applications/0/ui/"):
            answer = await page.goto(f"{place.project_url}{below}")
            assert answer and answer.status == 404, below
            await expect(page.get_by_role("heading", name="Not found")).to_be_visible()
        await shot(page, "not-found")
        # JupyterHub's own pages say it in our words, with the way back.
        answer = await page.goto(f"{place.url}hub/admin")
        assert answer and answer.status == 403
        await expect(page.get_by_role("heading", name="You may not do this")).to_be_visible()
        await expect(page.locator("#main")).not_to_contain_text("scopes")
        await page.get_by_role("link", name="Go to your projects").click()
        await expect(page).to_have_url(f"{place.url}projects/")


async def test_members_are_added_on_the_page(
    browser: Browser, place: Place, stranger: Place
) -> None:
    async with visitor(browser) as context:
        page = await context.new_page()
        await pages.sign_in(page, f"{place.project_url}/members", place.user, place.password)
        add = page.get_by_role("region", name="Add a member")
        await add.get_by_label("User").fill("nobody-of-this-name")
        await add.get_by_role("button").click()
        await expect(page.get_by_text("Nobody here is called")).to_be_visible()
        await add.get_by_label("User").fill(stranger.user)
        await add.get_by_role("button").click()
        await expect(page.get_by_role("row").filter(has_text=stranger.user)).to_be_visible()
        await shot(page, "members")
        await add.get_by_label("User").fill(stranger.user)
        await add.get_by_role("button").click()
        await expect(page.get_by_text("is a member already, as data scientist")).to_be_visible()
        remove = page.get_by_role("button", name=f"Remove {stranger.user}")
        await remove.click()
        await expect(page.get_by_text("cannot open the project")).to_be_visible()
        await shot(page, "remove-member")
        await page.get_by_role("link", name="Cancel").click()
        await expect(page.get_by_role("row").filter(has_text=stranger.user)).to_be_visible()
        await remove.click()
        await remove.click()
        await expect(page.locator(".said")).to_contain_text(f"Removed {stranger.user}")
        await expect(page.get_by_role("row").filter(has_text=stranger.user)).to_have_count(0)


async def test_administrator_invites_and_the_link_works_once(
    browser: Browser, admin: Place
) -> None:
    async with visitor(browser) as context:
        page = await context.new_page()
        await pages.sign_in(page, f"{admin.url}projects/people", admin.user, admin.password)
        await page.get_by_label("User name").fill("grace")
        await page.get_by_role("button", name="Make a one-time link").click()
        link = await page.locator("#link").input_value()
        await shot(page, "people")
    for works in (True, False):
        async with visitor(browser) as context:
            page = await context.new_page()
            if works:
                await pages.accept_invitation(page, link, "grace has a password")
                await expect(page.locator("#account")).to_contain_text("grace")
                continue
            await page.goto(link)
            await shot(page, "welcome")
            await page.get_by_label("Password (at least 10 characters)").fill("another password")
            await page.get_by_label("The same again").fill("another password")
            await page.get_by_role("button", name="Set password and sign in").click()
            await expect(page.get_by_role("alert")).to_be_visible()


async def test_secrets_are_kept_replaced_shared_and_deleted(browser: Browser, place: Place) -> None:
    async with visitor(browser) as context:
        page = await context.new_page()
        await pages.sign_in(page, f"{place.url}projects/secrets", place.user, place.password)
        await expect(page.get_by_text("You have none.")).to_be_visible()
        await pages.keep_secret(page, "not a name", "first-value")
        await expect(page.locator("#fault-name")).to_contain_text("1 to 200 of a-z")
        await expect(page.locator("#value")).to_be_empty()
        await pages.keep_secret(page, "git-key", "first-value")
        await pages.keep_secret(
            page, "store.password", "second-value", f"Members of {place.project}"
        )
        key = page.get_by_role("row").filter(has_text="git-key")
        shared = page.get_by_role("row").filter(has_text="store.password")
        await expect(key).to_contain_text("Only you")
        await expect(shared).to_contain_text(f"Members of {place.project}")
        await shot(page, "secrets")
        await pages.keep_secret(page, "git-key", "third-value", f"Members of {place.project}")
        await expect(key).to_have_count(1)
        await expect(key).to_contain_text(f"Members of {place.project}")
        shown = await page.content()
        assert not [value for value in ("first", "second", "third") if f"{value}-value" in shown]
        delete = page.get_by_role("button", name="Delete store.password")
        await delete.click()
        await expect(page.get_by_text(f"Members of {place.project} cannot use it")).to_be_visible()
        await delete.click()
        await expect(page.locator(".said")).to_contain_text("Deleted the secret")
        await expect(shared).to_have_count(0)
        await expect(key).to_be_visible()
