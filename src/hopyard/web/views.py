"""Rendering: one template environment, and the few words that templates need."""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from hopyard.web.deps import Caller, wiring
from hopyard.web.seal import WORDS_LIFE

HERE = Path(__file__).parent
STATIC = HERE / "static"
SAID = "hopyard-said"
PAGES = "/projects/"


def page(
    request: Request,
    template: str,
    *,
    status: int = 200,
    who: Caller | None = None,
    **context: Any,
) -> HTMLResponse:
    """Return a rendered template as an answer; a whole page says what was done before it."""
    words = request.cookies.get(SAID, "") if not template.startswith("partials/") else ""
    said = wiring(request).seal.open_words(words) if words else ""
    rendered = render(template, request=request, who=who, status=status, said=said, **context)
    answer = HTMLResponse(rendered, status)
    if words:
        answer.delete_cookie(SAID, path=PAGES)
    return answer


def done(request: Request, target: str, text: str) -> Response:
    """Lead to a page that says what was done: nothing succeeds without a word."""
    services = wiring(request)
    answer = RedirectResponse(target, 303)
    answer.set_cookie(
        SAID,
        services.seal.words(text),
        max_age=WORDS_LIFE,
        path=PAGES,
        httponly=True,
        samesite="strict",
        secure=services.platform.public_url.startswith("https:"),
    )
    return answer


def ask(
    request: Request,
    who: Caller,
    *,
    title: str,
    ends: list[str],
    button: str,
    back: str,
    fields: dict[str, str],
) -> HTMLResponse:
    """Return the page that says what will end before it ends; its button sends `confirm`.

    Args:
        request: what was asked for; the button sends it again.
        who: who is asking.
        title: the question.
        ends: what will end, sentence by sentence.
        button: what the button does.
        back: the page to go back to.
        fields: what the button sends with it.
    """
    return page(
        request,
        "confirm.html",
        who=who,
        title=title,
        ends=ends,
        button=button,
        back=back,
        fields={**fields, "confirm": "on"},
    )


def render(template: str, **context: Any) -> str:
    """Return a rendered template."""
    return _environment.get_template(template).render(**context)


def _asset(name: str) -> str:
    """Return the address of a static file, with its content's hash: it may be kept for ever."""
    if name not in _hashes:
        file = STATIC / name
        content = file.read_bytes() if file.is_file() else b""
        _hashes[name] = hashlib.sha256(content).hexdigest()[:12]
    return f"/projects/static/{name}?v={_hashes[name]}"


def _when(moment: datetime | None) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC") if moment else ""


def _size(count: int) -> str:
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count //= 1000
    return f"{count} GB"


_hashes: dict[str, str] = {}
_environment = Environment(
    loader=FileSystemLoader(HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.globals["asset"] = _asset
_environment.filters["when"] = _when
_environment.filters["size"] = _size
_environment.filters["quoted"] = lambda text: quote(str(text), safe="")
