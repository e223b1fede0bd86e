from __future__ import annotations

import asyncio

import pytest

from hopyard.errors import Conflict, InvalidInput, NotAllowed, NotFound
from hopyard.projects.members.service import Projects
from hopyard.projects.scopes import PERMISSIONS, Role, Scope
from hopyard.settings import Settings


async def test_create_makes_an_owner_and_the_datasets(
    projects: Projects, settings: Settings
) -> None:
    made = await projects.create("hops", "  Hop   harvest ", "ada")
    assert (made.project.display_name, made.role) == ("Hop harvest", Role.DATA_OWNER)
    assert {p.name for p in (settings.projects_dir / "hops").iterdir()} == {
        "Jupyter",
        "Resources",
        "Logs",
        "Experiments",
    }
    assert [one.project.name for one in await projects.mine("ada")] == ["hops"]
    assert (await projects.membership("ada", "hops")).project.created_at.tzinfo is not None


@pytest.mark.parametrize("name", ["", "A", "a_b", "a b", "-a", "a-", "a" * 31, "ä", "../x", "a\n"])
async def test_create_refuses_other_names(projects: Projects, name: str) -> None:
    if name == "a\n":
        assert (await projects.create(name, "", "ada")).project.name == "a"
        return
    with pytest.raises(InvalidInput) as refused:
        await projects.create(name, "", "ada")
    assert refused.value.field == "name"


@pytest.mark.parametrize("name", ["a", "9", "a-b", "a" * 30])
async def test_create_takes_allowed_names(projects: Projects, name: str) -> None:
    assert (await projects.create(name, "", "ada")).project.display_name == name


@pytest.mark.parametrize("shown", ["\u200b", "\u2060\u200d", "x\x00", "x\u202eslooc", "\u2067x"])
async def test_display_name_can_be_seen_and_turns_no_text(projects: Projects, shown: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await projects.create("hops", shown, "ada")
    assert refused.value.field == "display_name"


@pytest.mark.parametrize("shown", ["مشروع (1)", "👩\u200d👧 <b>", "W" * 200])
async def test_display_name_is_kept_as_it_is(projects: Projects, shown: str) -> None:
    assert (await projects.create("hops", shown, "ada")).project.display_name == shown


async def test_create_refuses_a_taken_or_reserved_name(projects: Projects) -> None:
    await projects.create("hops", "", "ada")
    for name in ("hops", "people", "static"):
        with pytest.raises(Conflict):
            await projects.create(name, "", "bob")


async def test_two_creations_at_once_make_one_project(projects: Projects) -> None:
    answers = await asyncio.gather(
        *(projects.create("hops", "", user) for user in ("ada", "bob", "eve")),
        return_exceptions=True,
    )
    assert sum(isinstance(answer, Conflict) for answer in answers) == 2


async def test_who_is_no_member_does_not_find_it(projects: Projects) -> None:
    await projects.create("hops", "", "ada")
    for project in ("hops", "none"):
        with pytest.raises(NotFound):
            await projects.membership("eve", project)
    assert await projects.mine("eve") == []


async def test_members_come_change_and_go(projects: Projects) -> None:
    await projects.create("hops", "", "ada")
    await projects.add_member("hops", "bob", "data_scientist")
    assert (await projects.membership("bob", "hops")).role == Role.DATA_SCIENTIST
    await projects.add_member("hops", "bob", "data_owner")
    assert [m.role for m in await projects.members("hops")] == [Role.DATA_OWNER] * 2
    await projects.remove_member("hops", "bob", "ada")
    with pytest.raises(NotFound):
        await projects.membership("bob", "hops")
    with pytest.raises(NotFound):
        await projects.remove_member("hops", "bob", "ada")
    with pytest.raises(InvalidInput):
        await projects.add_member("hops", "bob", "king")


async def test_the_last_owner_stays(projects: Projects) -> None:
    await projects.create("hops", "", "ada")
    await projects.add_member("hops", "bob", "data_scientist")
    with pytest.raises(Conflict):
        await projects.remove_member("hops", "ada", "ada")
    with pytest.raises(Conflict):
        await projects.add_member("hops", "ada", "data_scientist")


async def test_rename_changes_the_display_name_only(projects: Projects) -> None:
    await projects.create("hops", "", "ada")
    assert (await projects.rename("hops", "New")).display_name == "New"
    with pytest.raises(InvalidInput):
        await projects.rename("hops", "   ")


async def test_delete_puts_files_aside_and_a_new_one_starts_empty(
    projects: Projects, settings: Settings
) -> None:
    await projects.create("hops", "", "ada")
    await projects.add_member("hops", "bob", "data_scientist")
    (settings.projects_dir / "hops" / "Jupyter" / "a.ipynb").write_text("{}")
    home = settings.data_dir / "homes" / "ada" / "hops"
    home.mkdir(parents=True)
    await projects.delete("hops", "ada")
    assert await projects.mine("bob") == []
    (aside,) = (settings.data_dir / "deleted").iterdir()
    assert (aside / "files" / "Jupyter" / "a.ipynb").exists()
    assert not home.exists()
    await projects.create("hops", "", "eve")
    assert not list((settings.projects_dir / "hops" / "Jupyter").iterdir())
    assert [m.user for m in await projects.members("hops")] == ["eve"]


def test_owners_have_all_that_scientists_have() -> None:
    for row in PERMISSIONS.values():
        assert (row.scope is Scope.PROJECT) == bool(row.roles)
        assert Role.DATA_SCIENTIST not in row.roles or Role.DATA_OWNER in row.roles


async def test_require_says_who_may(projects: Projects) -> None:
    await projects.create("hops", "", "ada")
    await projects.add_member("hops", "bob", "data_scientist")
    member = await projects.membership("bob", "hops")
    member.require("jupyter:use")
    with pytest.raises(NotAllowed, match="data owner"):
        member.require("members:manage")
