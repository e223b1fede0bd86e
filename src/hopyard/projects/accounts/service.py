"""What may be done with invitations.

The token is 32 random bytes and is shown once; the database has its SHA-256 (a password hash would
add nothing to a secret that cannot be guessed).
"""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import timedelta

from sqlalchemy import ColumnElement, delete, select, update

from hopyard.errors import InvalidInput, NotFound
from hopyard.projects.accounts.models import Invitation, InvitationRow
from hopyard.settings import Settings
from hopyard.store.engine import Sessions
from hopyard.store.types import now

LIFE = timedelta(days=7)
USER_NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,63}")
USER_NAME_RULE = "1 to 64 of a-z, 0-9 and . _ @ + -, with a letter or digit first"


class Accounts:
    """Invitations."""

    def __init__(self, sessions: Sessions, settings: Settings) -> None:
        self._sessions = sessions
        self._settings = settings

    async def invite(self, name: str, admin: bool, by: str) -> str:
        """Make an invitation and return its token; an older one for the same name is void.

        Raises:
            InvalidInput: the name is not of the allowed form.
        """
        name = user_name(name)
        token = secrets.token_urlsafe(32)
        made = now()
        async with self._sessions() as session:
            await session.execute(
                delete(InvitationRow).where(
                    InvitationRow.user_name == name, InvitationRow.redeemed_at.is_(None)
                )
            )
            session.add(
                InvitationRow(
                    token_hash=_hash(token),
                    user_name=name,
                    admin=admin,
                    invited_by=by,
                    created_at=made,
                    expires_at=made + LIFE,
                )
            )
            await session.commit()
        return token

    async def is_invited(self, name: str) -> bool:
        """Say whether an invitation for a name waits."""
        query = select(InvitationRow.id).where(InvitationRow.user_name == name, *_open())
        async with self._sessions() as session:
            return await session.scalar(query) is not None

    async def look(self, token: str) -> Invitation:
        """Return what an open invitation says, without using it up.

        Raises:
            NotFound: it is unknown, used, withdrawn or expired.
        """
        query = select(InvitationRow).where(InvitationRow.token_hash == _hash(token), *_open())
        async with self._sessions() as session:
            row = await session.scalar(query)
        if row is None:
            raise NotFound(
                "This link is not valid any more: it works once and for "
                f"{LIFE.days} days. Ask an administrator for a new one."
            )
        return _invitation(row)

    async def redeem(self, token: str) -> Invitation:
        """Use an invitation up and return what it says; of two at once, one wins.

        Raises:
            NotFound: it is unknown, used, withdrawn or expired.
        """
        found = await self.look(token)
        query = (
            update(InvitationRow)
            .where(InvitationRow.id == found.id, *_open())
            .values(redeemed_at=now())
            .returning(InvitationRow.id)
        )
        async with self._sessions() as session:
            won = await session.scalar(query)
            await session.commit()
        if won is None:
            raise NotFound("This link was used just now: it works once.")
        return found

    async def open(self) -> list[Invitation]:
        """Return the invitations that still wait, the newest first."""
        query = select(InvitationRow).where(*_open()).order_by(InvitationRow.created_at.desc())
        async with self._sessions() as session:
            return [_invitation(row) for row in await session.scalars(query)]

    async def revoke(self, invitation: int) -> None:
        """Withdraw an invitation.

        Raises:
            NotFound: there is no open one of this number.
        """
        query = (
            delete(InvitationRow)
            .where(InvitationRow.id == invitation, InvitationRow.redeemed_at.is_(None))
            .returning(InvitationRow.id)
        )
        async with self._sessions() as session:
            gone = await session.scalar(query)
            await session.commit()
        if gone is None:
            raise NotFound("This invitation is not open: it was used or withdrawn, or is too old.")


def user_name(name: str) -> str:
    """Return a typed user name as the account has it.

    Raises:
        InvalidInput: it is not of the allowed form.
    """
    name = name.strip().lower()
    if not USER_NAME.fullmatch(name):
        raise InvalidInput(f"A user name is {USER_NAME_RULE}.", "name")
    return name


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _open() -> tuple[ColumnElement[bool], ...]:
    return InvitationRow.redeemed_at.is_(None), InvitationRow.expires_at > now()


def _invitation(row: InvitationRow) -> Invitation:
    return Invitation(
        row.id, row.user_name, row.admin, row.invited_by, row.created_at, row.expires_at
    )
