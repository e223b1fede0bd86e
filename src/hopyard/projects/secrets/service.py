"""What may be done with secrets.

A value is given to notebooks and Spark drivers only, never to a page. It is the reader's own one,
or one that a present member shares with the project. Each time is written down first.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from hopyard.errors import Conflict, InvalidInput, NotFound, TooMany
from hopyard.projects.members.lookup import project_of
from hopyard.projects.members.models import MemberRow, ProjectRow
from hopyard.projects.secrets.models import Secret, SecretRead, SecretReadRow, SecretRow
from hopyard.store.engine import Sessions
from hopyard.store.types import now
from hopyard.store.vault import Sealed, Vault

NAME = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,200}")
NAME_RULE = "1 to 200 of a-z, A-Z, 0-9 and . _ -, and neither . nor .. alone"
VALUE_MAX = 65_536
OWN_MAX = 500
READS_SHOWN = 100
BATCH = 100


class Secrets:
    """The secrets of all users."""

    def __init__(self, sessions: Sessions, vault: Vault) -> None:
        self._sessions = sessions
        self._vault = vault

    async def mine(self, owner: str) -> list[Secret]:
        """Return a user's secrets by name, without values."""
        query = (
            select(SecretRow, ProjectRow.name)
            .outerjoin(ProjectRow, ProjectRow.id == SecretRow.project_id)
            .where(SecretRow.owner == owner)
            .order_by(SecretRow.name)
        )
        async with self._sessions() as session:
            return [_secret(row, project) for row, project in await session.execute(query)]

    async def put(self, owner: str, name: str, value: str, project: str | None = None) -> Secret:
        """Keep a value under a name, in the place of the one that was there.

        Args:
            owner: whose secret it is.
            name: its name, unique among the owner's.
            value: what to keep, 1 to 65,536 bytes of UTF-8.
            project: the name of a project of the owner's, to share it with its members.

        Raises:
            InvalidInput: name or value are not of the allowed form.
            NotFound: the owner is not a member of the project.
            TooMany: the owner has as many secrets as are allowed.
        """
        if not NAME.fullmatch(name):
            raise InvalidInput(f"A secret's name is {NAME_RULE}.", "name")
        try:
            size = len(value.encode())
        except UnicodeEncodeError:
            size = 0
        if not 1 <= size <= VALUE_MAX:
            raise InvalidInput(f"A secret's value has 1 to {VALUE_MAX} bytes of UTF-8.", "value")
        sealed = self._vault.seal(value, _place(owner, name))
        async with self._sessions() as session:
            project_id = await self._shared_with(session, owner, project)
            row = await session.scalar(
                select(SecretRow).where(SecretRow.owner == owner, SecretRow.name == name)
            )
            if row is None:
                count = select(func.count()).where(SecretRow.owner == owner)
                if (await session.scalar(count) or 0) >= OWN_MAX:
                    raise TooMany(f"{OWN_MAX} secrets are allowed: delete one first.")
                row = SecretRow(owner=owner, name=name, created_at=now())
                session.add(row)
            row.project_id, row.key, row.blob = project_id, sealed.key, sealed.blob
            row.updated_at = now()
            try:
                await session.commit()
            except IntegrityError:
                raise Conflict(f"The secret {name!r} was made by another request now.") from None
            return _secret(row, project)

    @staticmethod
    async def _shared_with(session: AsyncSession, owner: str, project: str | None) -> int | None:
        if not project:
            return None
        return await project_of(session, owner, project)

    async def delete(self, owner: str, name: str) -> None:
        """Delete a secret.

        Raises:
            NotFound: the owner has none of this name.
        """
        query = (
            delete(SecretRow)
            .where(SecretRow.owner == owner, SecretRow.name == name)
            .returning(SecretRow.id)
        )
        async with self._sessions() as session:
            gone = await session.scalar(query)
            await session.commit()
        if gone is None:
            raise NotFound(f"You have no secret {name!r} (any more).")

    async def usable(self, reader: str, project: str) -> list[Secret]:
        """Return what a member may use in a project: the own ones and those shared with it."""
        async with self._sessions() as session:
            rows = await self._usable(session, reader, project)
        return [_secret(row, shared) for row, shared in rows]

    async def read(
        self, reader: str, project: str, name: str, *, owner: str | None = None, way: str
    ) -> str:
        """Hand out a value, after writing down that it was.

        Args:
            reader: a member of the project (the caller has checked it).
            project: where the reader uses it.
            name: the secret's name; the reader's own comes first.
            owner: whose, where several members share one of this name.
            way: what it is handed to, for the record.

        Raises:
            NotFound: there is none of this name that the reader may use here.
            Conflict: several members share one of this name.
            Unavailable: it cannot be decrypted.
        """
        async with self._sessions() as session:
            rows = [
                row
                for row, _ in await self._usable(session, reader, project, name)
                if owner in (None, row.owner)
            ]
            mine = [row for row in rows if row.owner == reader]
            found = mine or rows
            if not found:
                raise NotFound(f"There is no secret {name!r} that you may use in {project!r}.")
            if len(found) > 1:
                owners = ", ".join(sorted(row.owner for row in found))
                raise Conflict(f"Several members share a secret {name!r}: say whose ({owners}).")
            row = found[0]
            value = self._vault.open(Sealed(row.key, row.blob), _place(row.owner, row.name))
            session.add(
                SecretReadRow(
                    owner=row.owner,
                    name=row.name,
                    reader=reader,
                    project=project,
                    way=way,
                    at=now(),
                )
            )
            await session.commit()
        return value

    @staticmethod
    async def _usable(
        session: AsyncSession, reader: str, project: str, name: str | None = None
    ) -> Sequence[tuple[SecretRow, str | None]]:
        here, owners = aliased(ProjectRow), aliased(MemberRow)
        shared = (
            select(owners.user_name)
            .join(here, here.id == owners.project_id)
            .where(here.name == project, here.id == SecretRow.project_id)
            .where(owners.user_name == SecretRow.owner)
            .exists()
        )
        query = (
            select(SecretRow, ProjectRow.name)
            .outerjoin(ProjectRow, ProjectRow.id == SecretRow.project_id)
            .where((SecretRow.owner == reader) | shared)
            .order_by(SecretRow.name, SecretRow.owner)
        )
        if name is not None:
            query = query.where(SecretRow.name == name)
        rows = await session.execute(query)
        return [(row, shared_with) for row, shared_with in rows]

    async def reads(self, owner: str) -> list[SecretRead]:
        """Return the last times that values of a user's secrets were handed out."""
        query = (
            select(SecretReadRow)
            .where(SecretReadRow.owner == owner)
            .order_by(SecretReadRow.id.desc())
            .limit(READS_SHOWN)
        )
        async with self._sessions() as session:
            return [
                SecretRead(row.owner, row.name, row.reader, row.project, row.way, row.at)
                for row in await session.scalars(query)
            ]

    async def rotate(self) -> int:
        """Encrypt every value with a new key; return how many were.

        It can be interrupted at any moment and run again: then it goes on where it was.

        Raises:
            SetupError: the keys come from a command that has brought no new one.
            Unavailable: a value cannot be decrypted.
        """
        async with self._sessions() as session:
            used = set(await session.scalars(select(SecretRow.key).distinct()))
        if used <= {self._vault.current}:
            self._vault.add_key(keep=used)
        current, done = self._vault.current, 0
        while count := await self._rotate_some(current):
            done += count
        return done

    async def _rotate_some(self, current: str) -> int:
        async with self._sessions() as session:
            rows = (
                await session.scalars(
                    select(SecretRow).where(SecretRow.key != current).limit(BATCH)
                )
            ).all()
            for row in rows:
                old = Sealed(row.key, row.blob)
                place = _place(row.owner, row.name)
                new = self._vault.seal(self._vault.open(old, place), place)
                # Unless it was replaced by its owner in between.
                await session.execute(
                    update(SecretRow)
                    .where(SecretRow.id == row.id, SecretRow.blob == old.blob)
                    .values(key=new.key, blob=new.blob)
                )
            await session.commit()
        return len(rows)


def _place(owner: str, name: str) -> str:
    return f"secret\0{owner}\0{name}"


def _secret(row: SecretRow, project: str | None) -> Secret:
    return Secret(row.owner, row.name, project, row.created_at, row.updated_at)
