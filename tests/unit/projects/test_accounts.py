from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from hopyard.errors import InvalidInput, NotFound
from hopyard.projects.accounts.models import Invitation, InvitationRow
from hopyard.projects.accounts.service import Accounts
from hopyard.store.engine import Sessions
from hopyard.store.types import now


async def test_an_invitation_works_once(accounts: Accounts) -> None:
    token = await accounts.invite(" Bob ", True, "admin")
    seen = await accounts.look(token)
    assert (seen.user, seen.admin, seen.invited_by) == ("bob", True, "admin")
    assert await accounts.redeem(token) == seen
    for use in (accounts.look, accounts.redeem):
        with pytest.raises(NotFound):
            await use(token)
    assert await accounts.open() == []


async def test_of_two_at_once_one_wins(accounts: Accounts) -> None:
    token = await accounts.invite("bob", False, "admin")
    answers = await asyncio.gather(
        *(accounts.redeem(token) for _ in range(5)), return_exceptions=True
    )
    assert sum(isinstance(answer, Invitation) for answer in answers) == 1
    assert sum(isinstance(answer, NotFound) for answer in answers) == 4


async def test_an_expired_invitation_is_void(accounts: Accounts, sessions: Sessions) -> None:
    token = await accounts.invite("bob", False, "admin")
    async with sessions() as session:
        await session.execute(update(InvitationRow).values(expires_at=now() - timedelta(1)))
        await session.commit()
    with pytest.raises(NotFound):
        await accounts.redeem(token)


async def test_a_newer_invitation_voids_the_older(accounts: Accounts) -> None:
    older = await accounts.invite("bob", False, "admin")
    newer = await accounts.invite("bob", False, "admin")
    with pytest.raises(NotFound):
        await accounts.redeem(older)
    assert (await accounts.redeem(newer)).user == "bob"


async def test_a_withdrawn_invitation_is_void(accounts: Accounts) -> None:
    token = await accounts.invite("bob", False, "admin")
    (one,) = await accounts.open()
    await accounts.revoke(one.id)
    with pytest.raises(NotFound):
        await accounts.redeem(token)
    with pytest.raises(NotFound):
        await accounts.revoke(one.id)


async def test_the_token_is_not_in_the_database(accounts: Accounts, sessions: Sessions) -> None:
    token = await accounts.invite("bob", False, "admin")
    async with sessions() as session:
        (row,) = (await session.scalars(select(InvitationRow))).all()
    assert token not in str(vars(row))


@pytest.mark.parametrize("name", ["", "a b", "-a", "a/b", "a" * 65, "ä"])
async def test_other_user_names_are_refused(accounts: Accounts, name: str) -> None:
    with pytest.raises(InvalidInput):
        await accounts.invite(name, False, "admin")
