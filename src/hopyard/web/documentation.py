"""The documentation as pages of the platform: made from its Markdown, nothing is fetched.

`make docs` builds the same files as a site. Here they are shown inside our own pages, so that they
are there where no network is and in the version that runs.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from hopyard.errors import NotFound

BASE = "/projects/docs/"
_PACKAGED = Path(__file__).parent / "documentation"
_ROOT = Path(__file__).parents[3]
_FOLDER = _PACKAGED if _PACKAGED.is_dir() else _ROOT / "docs"
_NAVIGATION = (_PACKAGED if _PACKAGED.is_dir() else _ROOT) / "mkdocs.yml"
_ENTRY = re.compile(r"\s*- (?:(?P<title>[^:]+):\s*)?(?P<page>\S*\.md)?$")
_NOTE = re.compile(r"^!!! (\w+)\n((?:    .*\n|\n)+)", re.MULTILINE)
_COMMENT = re.compile(r"<!--.*?-->\n?", re.DOTALL)
_OUTSIDE = re.compile(r"[a-z][a-z0-9+.-]*:|#|/")


@dataclass(frozen=True)
class Entry:
    """One line of the navigation; without a page it is the head of a section."""

    title: str
    page: str


@dataclass(frozen=True)
class Shown:
    """A page of the documentation."""

    title: str
    html: str


def navigation() -> list[Entry]:
    """Return what there is to read, in its order."""
    return _navigation(_NAVIGATION.stat().st_mtime_ns)


def shown(page: str) -> Shown:
    """Return a page; its name is its path below `docs/`, without `.md`.

    Raises:
        NotFound: there is none of this name.
    """
    file = _file(f"{page or 'index'}.md", f"{page}/index.md")
    return _rendered(file, file.stat().st_mtime_ns)


def picture(name: str) -> Path:
    """Return the file of a picture.

    Raises:
        NotFound: there is none of this name.
    """
    return _file(f"images/{name}")


def _file(*names: str) -> Path:
    known = {file.relative_to(_FOLDER).as_posix(): file for file in _FOLDER.rglob("*.*")}
    found = next((known[name] for name in names if name in known), None)
    if found is None:
        raise NotFound("The documentation has no such page.")
    return found


@lru_cache(maxsize=1)
def _navigation(changed: int) -> list[Entry]:
    lines = _NAVIGATION.read_text().partition("\nnav:\n")[2].splitlines()
    matches = [found for line in lines if (found := _ENTRY.fullmatch(line))]
    entries = []
    for match in matches:
        page = (match["page"] or "").removesuffix(".md")
        title = match["title"] or shown(page).title
        entries.append(Entry(title, page.removesuffix("index").rstrip("/") if page else "-"))
    return entries


@lru_cache(maxsize=100)
def _rendered(file: Path, changed: int) -> Shown:
    text = _NOTE.sub(_quoted, _COMMENT.sub("", file.read_text()))
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(text)
    here = file.relative_to(_FOLDER).parent.as_posix()
    title = "Documentation"
    for token, inner in zip(tokens, [*tokens[1:], Token("", "", 0)], strict=True):
        if token.type == "heading_open":
            words = "".join(one.content for one in inner.children or [])
            token.attrSet("id", _anchor(words))
            title = words if token.tag == "h1" else title
        elif token.type == "table_open":
            token.attrSet("class", "table table-sm")
        for child in token.children or []:
            for name in ("href", "src"):
                if target := child.attrGet(name):
                    child.attrSet(name, _address(str(target), here))
    html = parser.renderer.render(tokens, parser.options, {})
    html = html.replace("<table", '<div class="table-wrap" tabindex="0"><table')
    html = html.replace("</table>", "</table></div>").replace("<pre>", '<pre tabindex="0">')
    return Shown(title, html)


def _quoted(match: re.Match[str]) -> str:
    """Return a note as a quotation: the parser knows no notes."""
    lines = [line[4:] for line in match[2].rstrip().splitlines()]
    return "\n".join(f"> {line}" for line in (f"**{match[1].capitalize()}.**", *lines)) + "\n\n"


def _anchor(words: str) -> str:
    """Return a heading's id, as MkDocs makes it."""
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", words.lower())).strip("-")


def _address(target: str, here: str) -> str:
    if _OUTSIDE.match(target):
        return target
    path, _, anchor = target.partition("#")
    whole = posixpath.normpath(posixpath.join(here, path)).removesuffix(".md")
    whole = "" if whole == "index" else whole.removesuffix("/index")
    return BASE + whole + (f"#{anchor}" if anchor else "")
