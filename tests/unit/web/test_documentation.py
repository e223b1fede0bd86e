"""The documentation is served by the platform itself: each page, each link, each picture."""

from __future__ import annotations

import re

import pytest

from hopyard.errors import NotFound
from hopyard.web import documentation
from tests.unit.web.around import Web

PAGES = [entry.page for entry in documentation.navigation() if entry.page != "-"]


def test_navigation_has_all_pages_with_a_title() -> None:
    assert {"", "tutorial/first-notebook", "how-to/git", "reference/settings"} <= set(PAGES)
    assert all(entry.title for entry in documentation.navigation())


@pytest.mark.parametrize("page", PAGES)
def test_links_of_a_page_lead_somewhere(page: str) -> None:
    html = documentation.shown(page).html
    assert "&lt;!--" not in html
    for address in re.findall(r'(?:href|src)="([^"]+)"', html):
        if not address.startswith(("/projects/docs/", "#")):
            assert address.startswith(("https://", "http://localhost")), address
            continue
        path, _, anchor = address.removeprefix("/projects/docs/").partition("#")
        if path.startswith("images/"):
            assert documentation.picture(path.removeprefix("images/")).is_file()
        else:
            target = html if address.startswith("#") else documentation.shown(path).html
            assert not anchor or f'id="{anchor}"' in target, address


@pytest.mark.parametrize("name", ["none", "../pyproject", "how-to/../index", "images/x", "."])
def test_nothing_else_is_served(name: str) -> None:
    with pytest.raises(NotFound):
        documentation.shown(name)
    with pytest.raises(NotFound):
        documentation.picture(name)


async def test_documentation_is_reached_from_each_page(web: Web) -> None:
    async with web.browser("ada") as browser:
        first = await browser.get("/projects/docs/")
        assert first.status_code == 200 and "Tutorial" in first.text
        assert first.headers["content-security-policy"].startswith("default-src 'none'")
        assert (await browser.get("/projects/docs/how-to/git")).status_code == 200
        assert (await browser.get("/projects/docs/none")).status_code == 404
        picture = await browser.get("/projects/docs/images/logs.png")
        assert picture.headers["content-type"] == "image/png"
        for page in ("/projects/", "/projects/hops/jupyter", "/projects/hops/logs"):
            assert 'href="/projects/docs/"' in (await browser.get(page)).text
        jupyter = (await browser.get("/projects/hops/jupyter")).text
        help_column = jupyter.split('<aside class="help"')[1].split("</aside>")[0]
        assert 'href="/projects/docs/tutorial/first-notebook"' in help_column
