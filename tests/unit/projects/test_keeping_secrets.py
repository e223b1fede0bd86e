"""Secrets: encrypted, private or shared with one project, each use written down, keys replaced."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from sqlalchemy import select, update

from hopyard.errors import Conflict, InvalidInput, NotFound, SetupError, Unavailable
from hopyard.projects.members.service import Projects
from hopyard.projects.secrets import service
from hopyard.projects.secrets.models import SecretRow
from hopyard.projects.secrets.service import Secrets
from hopyard.settings import Settings
from hopyard.store.engine import Sessions
from hopyard.store.vault import Vault

VALUE = "a value with ünïcode 🔑\nand a line"


@pytest.fixture
def vault(settings: Settings) -> Vault:
    return Vault(settings.secrets_key_path)


@pytest.fixture
def kept(sessions: Sessions, vault: Vault) -> Secrets:
    return Secrets(sessions, vault)


@pytest.fixture
async def hops(projects: Projects) -> str:
    """A project of ada's with bob."""
    await projects.create("hops", "", "ada")
    await projects.add_member("hops", "bob", "data_scientist")
    return "hops"


async def test_value_comes_back_to_its_owner_and_nobody_else(kept: Secrets, hops: str) -> None:
    await kept.put("ada", "key", VALUE)
    assert await kept.read("ada", hops, "key", way="test") == VALUE
    with pytest.raises(NotFound):
        await kept.read("bob", hops, "key", way="test")
    assert [(one.name, one.project) for one in await kept.mine("ada")] == [("key", None)]
    assert await kept.usable("bob", hops) == []


async def test_shared_value_is_for_the_members_of_that_project(
    kept: Secrets, projects: Projects, hops: str
) -> None:
    await projects.create("other", "", "ada")
    await projects.add_member("other", "bob", "data_scientist")
    await kept.put("ada", "key", VALUE, hops)
    assert await kept.read("bob", hops, "key", way="test") == VALUE
    with pytest.raises(NotFound):
        await kept.read("bob", "other", "key", way="test")
    with pytest.raises(NotFound):
        await kept.put("bob", "key", VALUE, "not-mine")
    await kept.put("ada", "key", "private again")
    with pytest.raises(NotFound):
        await kept.read("bob", hops, "key", way="test")


async def test_who_left_shares_nothing_any_more(
    kept: Secrets, projects: Projects, hops: str
) -> None:
    await kept.put("bob", "key", VALUE, hops)
    assert await kept.read("ada", hops, "key", way="test") == VALUE
    await projects.remove_member(hops, "bob", "ada")
    with pytest.raises(NotFound):
        await kept.read("ada", hops, "key", way="test")
    await projects.delete(hops, "ada")
    assert (await kept.mine("bob"))[0].project is None


async def test_own_value_comes_first_and_two_shared_ones_need_an_owner(
    kept: Secrets, projects: Projects, hops: str
) -> None:
    await projects.add_member(hops, "eve", "data_scientist")
    await kept.put("ada", "key", "of ada", hops)
    await kept.put("bob", "key", "of bob", hops)
    assert await kept.read("bob", hops, "key", way="test") == "of bob"
    assert await kept.read("bob", hops, "key", owner="ada", way="test") == "of ada"
    with pytest.raises(Conflict, match="ada, bob"):
        await kept.read("eve", hops, "key", way="test")


async def test_each_use_is_written_down(kept: Secrets, hops: str) -> None:
    await kept.put("ada", "key", VALUE, hops)
    await kept.read("bob", hops, "key", way="notebook")
    await kept.delete("ada", "key")
    (read,) = await kept.reads("ada")
    assert (read.name, read.reader, read.project, read.way) == ("key", "bob", "hops", "notebook")
    with pytest.raises(NotFound):
        await kept.delete("ada", "key")


@pytest.mark.parametrize("name", ["", "a b", "a/b", "ü", "x" * 201])
async def test_wrong_name_is_refused(kept: Secrets, name: str) -> None:
    with pytest.raises(InvalidInput, match="1 to 200 of a-z"):
        await kept.put("ada", name, VALUE)


@pytest.mark.parametrize("value", ["", "x" * 65_537, "\ud800"])
async def test_wrong_value_is_refused_and_not_repeated(kept: Secrets, value: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await kept.put("ada", "key", value)
    assert not value or value not in str(refused.value)


async def test_nothing_on_disk_has_the_value(
    kept: Secrets, settings: Settings, sessions: Sessions
) -> None:
    await kept.put("ada", "key", "needle-in-the-hay")
    async with sessions() as session:
        row = (await session.scalars(select(SecretRow))).one()
    assert b"needle" not in row.blob
    for file in settings.data_dir.rglob("*"):
        assert not file.is_file() or b"needle-in-the-hay" not in file.read_bytes()
    assert stat.S_IMODE(settings.secrets_key_path.stat().st_mode) == 0o600


async def test_a_row_copied_to_another_owner_cannot_be_opened(
    kept: Secrets, sessions: Sessions, hops: str
) -> None:
    await kept.put("ada", "key", VALUE)
    await kept.put("bob", "key", "mine")
    async with sessions() as session:
        blob = await session.scalar(select(SecretRow.blob).where(SecretRow.owner == "ada"))
        await session.execute(update(SecretRow).where(SecretRow.owner == "bob").values(blob=blob))
        await session.commit()
    with pytest.raises(Unavailable, match="damaged"):
        await kept.read("bob", hops, "key", way="test")


async def test_rotation_can_be_interrupted_and_loses_nothing(
    kept: Secrets, vault: Vault, hops: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        await kept.put("ada", f"key{number}", f"value{number}")
    first = vault.current
    monkeypatch.setattr(service, "BATCH", 2)
    some = Secrets._rotate_some
    calls = []

    async def dies_at_the_second(self: Secrets, current: str) -> int:
        calls.append(current)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return await some(self, current)

    monkeypatch.setattr(Secrets, "_rotate_some", dies_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        await kept.rotate()
    assert await kept.rotate() == 3
    assert vault.current not in (first, "") and set(calls) == {vault.current}
    for number in range(5):
        assert await kept.read("ada", hops, f"key{number}", way="test") == f"value{number}"


async def test_another_process_sees_a_new_key_at_once(
    kept: Secrets, sessions: Sessions, settings: Settings, hops: str
) -> None:
    await kept.put("ada", "key", VALUE)
    assert await Secrets(sessions, Vault(settings.secrets_key_path)).rotate() == 1
    assert await kept.read("ada", hops, "key", way="test") == VALUE


def test_keys_that_others_can_read_are_refused(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "keys")
    sealed = vault.seal("text", "place")
    (tmp_path / "keys").chmod(0o640)
    with pytest.raises(SetupError, match="chmod 600"):
        vault.open(sealed, "place")


def test_keys_come_from_a_command(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    sealed = Vault(file).seal("text", "place")
    asked = Vault(tmp_path / "nowhere", ["cat", str(file)])
    assert asked.open(sealed, "place") == "text"
    with pytest.raises(SetupError, match="secrets_key_command"):
        asked.add_key(set())
    with pytest.raises(SetupError, match="failed"):
        Vault(tmp_path / "nowhere", ["false"]).seal("text", "place")
    with pytest.raises(SetupError, match="line 1"):
        Vault(tmp_path / "nowhere", ["echo", "k1 short"]).seal("text", "place")
