"""Tours: notebooks with their data, for a project made to try something."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from hopyard.projects.tours.models import Tour
from hopyard.web.deps import ProjectMaker, Services
from hopyard.web.routes.api.shapes import ProjectShape

router = APIRouter(prefix="/tours", tags=["tours"])


class TourShape(BaseModel):
    """A tour."""

    name: str
    title: str
    summary: str
    mode: str
    notebooks: list[str]

    @classmethod
    def of(cls, tour: Tour) -> TourShape:
        """Show a tour."""
        return cls(
            name=tour.name,
            title=tour.title,
            summary=tour.summary,
            mode=tour.mode,
            notebooks=list(tour.notebooks),
        )


@router.get("")
async def every(_: ProjectMaker, services: Services) -> list[TourShape]:
    """List the tours."""
    return [TourShape.of(tour) for tour in services.tours.all]


@router.post("/{tour}", status_code=201)
async def make(who: ProjectMaker, services: Services, tour: str) -> ProjectShape:
    """Make a project with a tour's notebooks; one is its data owner."""
    return ProjectShape.of(await services.tours.make(tour, who.name))
