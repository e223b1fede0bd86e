"""Makes the project of a tour."""

from __future__ import annotations

import asyncio

from hopyard.errors import Conflict, NotFound
from hopyard.projects.jupyter.service import Jupyter
from hopyard.projects.members.models import Membership
from hopyard.projects.members.service import Projects
from hopyard.projects.tours import files
from hopyard.projects.tours.models import FILES, Tour, every
from hopyard.settings import Settings

TRIES = 100
"""Projects of one tour, of all people together."""


class Tours:
    """The tours, and the projects that are made for them."""

    def __init__(self, projects: Projects, jupyter: Jupyter, settings: Settings) -> None:
        self._projects = projects
        self._jupyter = jupyter
        self._settings = settings
        self.all = every()

    def tour(self, name: str) -> Tour:
        """Return one tour.

        Raises:
            NotFound: there is none of this name.
        """
        for tour in self.all:
            if tour.name == name:
                return tour
        known = ", ".join(tour.name for tour in self.all)
        raise NotFound(f"There is no tour {name!r}: {known}.")

    async def make(self, name: str, user: str) -> Membership:
        """Make a project with a tour's files; its maker owns it and finds the mode chosen.

        Raises:
            NotFound: there is no such tour.
            Conflict: all names for a project of this tour are taken.
        """
        tour = self.tour(name)
        made = await self._project(tour, user)
        place = self._settings.projects_dir / made.project.name / "Jupyter"
        await asyncio.to_thread(files.copy, FILES, tour.files, place, {})
        await self._jupyter.remember(user, made.project.name, {"mode": tour.mode})
        return made

    async def _project(self, tour: Tour, user: str) -> Membership:
        for number in range(1, TRIES + 1):
            name = f"tour-{tour.name}" if number == 1 else f"tour-{tour.name}-{number}"
            try:
                return await self._projects.create(name, tour.title, user)
            except Conflict:
                continue
        raise Conflict(f"There are {TRIES} projects of this tour already: delete one first.")
