"""Pages: the documentation."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, RedirectResponse, Response

from hopyard.web import documentation
from hopyard.web.deps import Person
from hopyard.web.views import page

router = APIRouter(prefix="/projects/docs")


@router.get("")
async def without_slash(who: Person) -> Response:
    """Lead to the address below which the pages' links work."""
    return RedirectResponse(documentation.BASE, 307)


@router.get("/images/{name}")
async def picture(who: Person, name: str) -> Response:
    """Return a picture."""
    return FileResponse(documentation.picture(name))


@router.get("/{path:path}")
async def show(request: Request, who: Person, path: str) -> Response:
    """Show a page."""
    shown = documentation.shown(path)
    return page(
        request,
        "documentation.html",
        who=who,
        shown=shown,
        here=path,
        entries=documentation.navigation(),
    )
