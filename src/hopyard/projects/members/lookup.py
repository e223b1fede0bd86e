"""Which project a member means: others do not learn whether there is one."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from hopyard.errors import NotFound
from hopyard.projects.members.models import MemberRow, ProjectRow


async def project_of(session: AsyncSession, user: str, project: str) -> int:
    """Return the id of a project that a user is a member of.

    Raises:
        NotFound: there is none of this name, or the user is not a member.
    """
    query = (
        select(ProjectRow.id)
        .join(MemberRow, MemberRow.project_id == ProjectRow.id)
        .where(ProjectRow.name == project, MemberRow.user_name == user)
    )
    found = await session.scalar(query)
    if found is None:
        raise NotFound(f"There is no project {project!r} that you are a member of.")
    return found
