"""Whether the process lives, and the API's own documentation (nothing from elsewhere)."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from hopyard import __version__
from hopyard.projects.scopes import PERMISSIONS
from hopyard.web.deps import Public
from hopyard.web.views import page

router = APIRouter(include_in_schema=False, dependencies=[Public])


@router.get("/")
async def without_page() -> Response:
    """Lead to the documentation."""
    return RedirectResponse("/api/docs", 307)


@router.get("/health")
async def health() -> dict[str, str]:
    """Say that the process answers."""
    return {"status": "ok", "version": __version__}


@router.get("/docs")
async def docs(request: Request) -> Response:
    """Show each call of the API, from the OpenAPI document, and the table of permissions."""
    schema = request.app.openapi()
    calls = [
        (method.upper(), path, call["summary"], call.get("description", ""))
        for path, methods in schema["paths"].items()
        for method, call in methods.items()
    ]
    return page(request, "api.html", calls=calls, permissions=PERMISSIONS)
