"""What may be done with projects and their members.

Whoever is not a member gets `NotFound`, as for a project that does not exist.
"""

from __future__ import annotations

import re
import unicodedata

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from hopyard.errors import Conflict, InvalidInput, NotFound
from hopyard.projects import storage
from hopyard.projects.members.lookup import no_member
from hopyard.projects.members.models import (
    DepartureRow,
    Member,
    MemberRow,
    Membership,
    Project,
    ProjectRow,
)
from hopyard.projects.scopes import Role
from hopyard.settings import Settings
from hopyard.store.engine import Sessions
from hopyard.store.types import now

NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,28}[a-z0-9])?")
NAME_RULE = "1 to 30 of a-z, 0-9 and -, with a letter or digit first and last"
RESERVED = frozenset({"docs", "login", "logout", "new", "people", "secrets", "static", "tours"})
"""Names that are pages of their own below `/projects/`."""
DISPLAY_NAME_MAX = 200
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Control characters, and those that turn the direction of what stands after them."""


class Projects:
    """Projects and their members."""

    def __init__(self, sessions: Sessions, settings: Settings) -> None:
        self._sessions = sessions
        self._settings = settings

    async def create(self, name: str, display_name: str, owner: str) -> Membership:
        """Make a project with its datasets; the one who makes it is its data owner.

        Raises:
            InvalidInput: the name is not of the allowed form.
            Conflict: the name is taken.
        """
        name = name.strip()
        if not NAME.fullmatch(name):
            raise InvalidInput(f"A project's name is {NAME_RULE}.", "name")
        if name in RESERVED:
            raise Conflict(f"The name {name!r} is taken by a page: choose another.")
        shown = _display_name(display_name) if display_name.strip() else name
        async with self._sessions() as session:
            row = ProjectRow(name=name, display_name=shown, created_by=owner, created_at=now())
            session.add(row)
            try:
                await session.flush()
            except IntegrityError:
                raise Conflict(f"The name {name!r} is taken: choose another.") from None
            session.add(
                MemberRow(project_id=row.id, user_name=owner, role=Role.DATA_OWNER, since=now())
            )
            await session.execute(delete(DepartureRow).where(DepartureRow.project_name == name))
            storage.create(self._settings, name)
            await session.commit()
            return Membership(_project(row), owner, Role.DATA_OWNER)

    async def mine(self, user: str) -> list[Membership]:
        """Return the projects that a user is a member of, by name."""
        query = (
            select(ProjectRow, MemberRow.role)
            .join(MemberRow, MemberRow.project_id == ProjectRow.id)
            .where(MemberRow.user_name == user)
            .order_by(ProjectRow.name)
        )
        async with self._sessions() as session:
            rows = (await session.execute(query)).all()
        return [Membership(_project(row), user, Role(role)) for row, role in rows]

    async def membership(self, user: str, project: str) -> Membership:
        """Return what a user is in a project.

        Raises:
            NotFound: there is no such project, or the user is not a member.
        """
        query = (
            select(ProjectRow, MemberRow.role)
            .join(MemberRow, MemberRow.project_id == ProjectRow.id)
            .where(ProjectRow.name == project, MemberRow.user_name == user)
        )
        async with self._sessions() as session:
            found = (await session.execute(query)).one_or_none()
            if found is None:
                raise await no_member(session, user, project)
        return Membership(_project(found[0]), user, Role(found[1]))

    async def rename(self, project: str, display_name: str) -> Project:
        """Change a project's display name; the name in addresses stays.

        Raises:
            InvalidInput: the display name is empty or too long.
            NotFound: there is no such project.
        """
        shown = _display_name(display_name)
        async with self._sessions() as session:
            row = await _row(session, project)
            row.display_name = shown
            await session.commit()
            return _project(row)

    async def delete(self, project: str, by: str) -> None:
        """Delete a project; its files and logs are put aside in `data_dir/deleted`.

        The servers and sessions of its members are stopped by the caller, before.

        Args:
            project: its name.
            by: who deletes it; its members are told.

        Raises:
            NotFound: there is no such project.
        """
        async with self._sessions() as session:
            row = await _row(session, project)
            members = select(MemberRow.user_name).where(MemberRow.project_id == row.id)
            for user in (await session.scalars(members)).all():
                await session.merge(_departure(project, user, by, "deleted"))
            await session.execute(delete(ProjectRow).where(ProjectRow.id == row.id))
            await session.commit()
        storage.put_aside(self._settings, project)

    async def members(self, project: str) -> list[Member]:
        """Return a project's members, by name."""
        query = (
            select(MemberRow)
            .join(ProjectRow, MemberRow.project_id == ProjectRow.id)
            .where(ProjectRow.name == project)
            .order_by(MemberRow.user_name)
        )
        async with self._sessions() as session:
            rows = (await session.scalars(query)).all()
        return [Member(row.user_name, Role(row.role), row.since) for row in rows]

    async def add_member(self, project: str, user: str, role: str) -> Member:
        """Add a member, or change the role of one; that the user exists is the caller's to check.

        Raises:
            InvalidInput: there is no such role.
            Conflict: the project would be left without a data owner.
        """
        try:
            wanted = Role(role)
        except ValueError:
            known = ", ".join(Role)
            raise InvalidInput(f"There is no role {role!r}: {known}.", "role") from None
        async with self._sessions() as session:
            project_row = await _row(session, project)
            row = await session.get(MemberRow, (project_row.id, user))
            if row is None:
                row = MemberRow(project_id=project_row.id, user_name=user, role=wanted, since=now())
                session.add(row)
                if left := await session.get(DepartureRow, (project, user)):
                    await session.delete(left)
            elif row.role != wanted:
                await _keep_an_owner(session, row)
                row.role = wanted
            try:
                await session.commit()
            except IntegrityError:  # two requests added the same user at once
                raise Conflict(f"{user} was added by somebody else just now.") from None
            return Member(row.user_name, Role(row.role), row.since)

    async def remove_member(self, project: str, user: str, by: str) -> None:
        """Remove a member; the caller stops the member's server and sessions afterwards.

        Args:
            project: its name.
            user: who is removed.
            by: who removes; the one who is removed is told.

        Raises:
            NotFound: the user is not a member.
            Conflict: the project would be left without a data owner.
        """
        async with self._sessions() as session:
            project_row = await _row(session, project)
            row = await session.get(MemberRow, (project_row.id, user))
            if row is None:
                raise NotFound(f"{user!r} is not a member of this project.")
            await _keep_an_owner(session, row)
            await session.delete(row)
            await session.merge(_departure(project, user, by, "removed"))
            await session.commit()


def _departure(project: str, user: str, by: str, reason: str) -> DepartureRow:
    return DepartureRow(project_name=project, user_name=user, by=by, reason=reason, at=now())


async def _row(session: AsyncSession, project: str) -> ProjectRow:
    """Return a project's row, locked until the end of the transaction where locks exist."""
    row = await session.scalar(
        select(ProjectRow).where(ProjectRow.name == project).with_for_update()
    )
    if row is None:
        raise NotFound(f"There is no project {project!r}.")
    return row


async def _keep_an_owner(session: AsyncSession, leaving: MemberRow) -> None:
    others = select(func.count()).where(
        MemberRow.project_id == leaving.project_id,
        MemberRow.role == Role.DATA_OWNER,
        MemberRow.user_name != leaving.user_name,
    )
    if leaving.role == Role.DATA_OWNER and not await session.scalar(others):
        raise Conflict(
            f"{leaving.user_name} is the only data owner: make another member data owner first."
        )


def _display_name(text: str) -> str:
    shown = " ".join(text.split())
    if not 1 <= len(shown) <= DISPLAY_NAME_MAX:
        raise InvalidInput(
            f"A display name has 1 to {DISPLAY_NAME_MAX} characters.", "display_name"
        )
    if _CONTROLS.search(shown) or all(unicodedata.category(one)[0] in "CZ" for one in shown):
        raise InvalidInput(
            "A display name can be seen, and has no characters that control how text is written.",
            "display_name",
        )
    return shown


def _project(row: ProjectRow) -> Project:
    return Project(row.id, row.name, row.display_name, row.created_by, row.created_at)
