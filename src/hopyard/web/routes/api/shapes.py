"""What several resources answer with."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel

from hopyard.projects.members.models import Membership, Project
from hopyard.projects.scopes import Role


class ProjectShape(BaseModel):
    """A project, and what one is in it."""

    name: str
    display_name: str
    created_by: str
    created_at: datetime
    role: Role

    @classmethod
    def of(cls, membership: Membership, project: Project | None = None) -> ProjectShape:
        """Make the shape of a membership's project, or of a newer state of it."""
        shown = project or membership.project
        return cls(
            name=shown.name,
            display_name=shown.display_name,
            created_by=shown.created_by,
            created_at=shown.created_at,
            role=membership.role,
        )
