"""Which project a member means: others do not learn whether there is one."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from hopyard.errors import NotFound
from hopyard.projects.members.models import DepartureRow, MemberRow, ProjectRow


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
        raise await no_member(session, user, project)
    return found


async def no_member(session: AsyncSession, user: str, project: str) -> NotFound:
    """Return what a user is told who is no member: one who was is told what happened."""
    left = await session.get(DepartureRow, (project, user))
    if left is None:
        return NotFound(f"There is no project {project!r} that you are a member of.")
    when = f"{left.at:%Y-%m-%d %H:%M} UTC"
    if left.reason == "deleted":
        return NotFound(f"{left.by} deleted the project {project!r} on {when}.")
    return NotFound(
        f"You are not a member of the project {project!r} any more: {left.by} removed you on "
        f"{when}. Your Jupyter server and Spark sessions in it have ended; a data owner of the "
        "project can add you again."
    )
