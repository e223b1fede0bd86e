from __future__ import annotations

from pathlib import Path

import pytest

from hopyard.errors import Conflict, InvalidForm, NotFound
from hopyard.projects.members.service import Projects
from hopyard.projects.repositories import rules
from hopyard.projects.repositories.models import RepositorySettings
from hopyard.projects.repositories.service import Repositories, remote_of
from hopyard.projects.secrets.service import Secrets
from hopyard.protocol.git import Job, Outcome, State
from hopyard.settings import Settings
from hopyard.store.engine import Sessions
from hopyard.store.vault import Vault

URL = "https://git.example/team/a.git"
ON = {"provider": "git", "url": URL, "secret": "key", "base": "main", "head": "ann/work"}


@pytest.fixture
def secrets(sessions: Sessions, tmp_path: Path) -> Secrets:
    return Secrets(sessions, Vault(tmp_path / "keys"))


@pytest.fixture
async def repositories(
    projects: Projects, sessions: Sessions, settings: Settings, secrets: Secrets
) -> Repositories:
    await projects.create("hops", "Hops", "ada")
    await secrets.put("ada", "key", "a-key")
    return Repositories(sessions, settings, secrets, "https://hopyard.example/")


def read(raw, base=None, *, secrets=("key",), http_hosts=("plain.example:8080",)):
    base = base or RepositorySettings()
    return rules.read(raw, base, secrets=secrets, http_hosts=http_hosts)


@pytest.mark.parametrize(
    ("field", "value", "word"),
    [
        ("url", "", "HTTPS address"),
        ("url", "ssh://git@git.example/a.git", "Only https"),
        ("url", "file:///etc", "Only https"),
        ("url", "--upload-pack=/bin/sh", "Only https"),
        ("url", "https://ann:word@git.example/a.git", "No name and no password"),
        ("url", "http://git.example/a.git", "Only https"),
        ("url", "http://plain.example/a.git", "Only https"),
        ("secret", "nobodys", "no secret of this name"),
        ("user", "a:b", "no colon"),
        ("base", "--force", "branch's name"),
        ("head", "a..b", "branch's name"),
        ("provider", "subversion", "Input should be"),
        ("pull_on_start", "perhaps", "valid boolean"),
        ("password", "x", "no such setting"),
    ],
)
def test_wrong_value_is_refused_at_its_field(field, value, word):
    with pytest.raises(InvalidForm) as error:
        read({**ON, field: value})
    assert list(error.value.faults) == [field]
    assert word in error.value.faults[field]
    assert "word" not in str(error.value.faults).replace("password", "")


def test_address_gets_its_one_form_and_http_only_where_allowed():
    assert read({**ON, "url": " HTTPS://git.example:443/team/a.git/ "}).url == URL
    plain = "http://plain.example:8080/a.git"
    assert read({**ON, "url": plain}).url == plain


def test_wrong_values_do_not_count_where_git_is_off():
    known = read(ON)
    off = read({"provider": "off", "url": "nonsense", "secret": "gone"}, known)
    assert off == known.model_copy(update={"provider": "off"})


def test_author_is_the_account():
    author = rules.author("ann", "https://hopyard.example:8443/")
    assert (author.name, author.address) == ("ann", "ann@hopyard.example")
    assert rules.author("ann@work.example", "http://x/").address == "ann@work.example"


async def test_settings_are_remembered_for_each_member(repositories, projects):
    assert not (await repositories.recall("ada", "hops")).on
    await repositories.remember("ada", "hops", ON)
    await repositories.remember("ada", "hops", {"push_on_stop": False})
    known = await repositories.recall("ada", "hops")
    assert (known.url, known.head, known.push_on_stop) == (URL, "ann/work", False)
    await projects.add_member("hops", "bob", "data_scientist")
    assert not (await repositories.recall("bob", "hops")).on
    with pytest.raises(InvalidForm) as error:  # another member's secret
        await repositories.remember("bob", "hops", ON)
    assert list(error.value.faults) == ["secret"]


async def test_who_is_no_member_has_no_repository(repositories):
    for asked in (
        repositories.recall("eve", "hops"),
        repositories.remember("eve", "hops", ON),
        repositories.last_work("eve", "hops"),
        repositories.work("eve", "hops", Job.PUSH),
        repositories.work(
            "eve", "hops", Job.PUSH, chosen=RepositorySettings(**{**ON, "secret": ""})
        ),
    ):
        with pytest.raises(NotFound):
            await asked


async def test_no_work_where_git_is_off(repositories):
    with pytest.raises(Conflict):
        await repositories.work("ada", "hops", Job.PUSH)


async def test_end_of_work_is_written_down_and_settings_stay(repositories):
    await repositories.remember("ada", "hops", ON)
    assert await repositories.last_work("ada", "hops") is None
    ended = Outcome(state=State.ATTENTION, sentence="The server is away.")
    await repositories.keep("ada", "hops", Job.PUSH, ended)
    last = await repositories.last_work("ada", "hops")
    assert (last.job, last.outcome) == (Job.PUSH, ended)
    assert (await repositories.recall("ada", "hops")).url == URL


def test_working_copies_of_two_members_or_addresses_never_meet(repositories):
    one, other = RepositorySettings(**ON), RepositorySettings(**{**ON, "url": f"{URL}x"})
    places = {
        (repositories.storage(user, "hops"), repositories.folder(user, "hops", chosen))
        for user in ("ada", "bob")
        for chosen in (one, other)
    }
    assert len(places) == 4


async def test_repository_is_not_cloned_into_a_project_with_too_many_files(
    repositories: Repositories, settings: Settings
) -> None:
    await repositories.remember("ada", "hops", ON)
    settings.limits.disk = 1
    big = settings.projects_dir / "hops" / "Jupyter" / "big.bin"
    big.parent.mkdir(parents=True, exist_ok=True)
    big.write_bytes(b"x" * 2 * 2**20)
    with pytest.raises(Conflict, match=r"uses 2 MB .* and may use 1 MB: .* is not cloned"):
        await repositories.work("ada", "hops", Job.OPEN)
    # What is there already is opened: by its server files are deleted, and work is pushed.
    (repositories.storage("ada", "hops") / remote_of(RepositorySettings(**ON)).folder).mkdir(
        parents=True
    )
    outcome = await repositories.work("ada", "hops", Job.OPEN)
    assert "may use 1 MB" not in outcome.sentence
