"""Rendering: one template environment, and the few words that templates need."""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from hopyard.web.deps import Caller

HERE = Path(__file__).parent
STATIC = HERE / "static"


def page(
    request: Request,
    template: str,
    *,
    status: int = 200,
    who: Caller | None = None,
    **context: Any,
) -> HTMLResponse:
    """Return a rendered template as an answer."""
    rendered = render(template, request=request, who=who, status=status, **context)
    return HTMLResponse(rendered, status)


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
