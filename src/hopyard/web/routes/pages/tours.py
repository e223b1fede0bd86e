"""Pages: the tours."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from hopyard.web.deps import ProjectMaker, Services
from hopyard.web.views import page

router = APIRouter()


@router.get("/projects/tours")
async def every(request: Request, who: ProjectMaker, services: Services) -> Response:
    """Show what there is to try."""
    return page(request, "tours.html", who=who, tours=services.tours.all)


@router.post("/projects/tours/{tour}")
async def make(who: ProjectMaker, services: Services, tour: str) -> Response:
    """Make a project with a tour's notebooks."""
    made = await services.tours.make(tour, who.name)
    return RedirectResponse(f"/projects/{made.project.name}/jupyter", 303)
