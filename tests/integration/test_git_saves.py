"""Saves of working copies on disks that get lost: wholly back, whatever was going on."""

from __future__ import annotations

import shutil
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from hopyard.protocol.git import Job, Outcome, State
from tests.git_server import Fault, GitServer, git, temp_git
from tests.integration.git_copies import KEY, Copies, Copy, kill, process
from tests.integration.git_copies import until as wait_until
from tests.integration.git_platform import Work, member, reachable
from tests.platform import Hopyard, temp_hopyard, until


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitServer]:
    with temp_git(tmp_path_factory.mktemp("saves-server")) as running:
        yield running


@pytest.fixture(scope="module")
def copies(server: GitServer, tmp_path_factory: pytest.TempPathFactory) -> Copies:
    return Copies(server, tmp_path_factory.mktemp("saves"))


def saved(copies: Copies, name: str) -> Copy:
    """Return a copy with work of each kind, and a place for its save."""
    copy = copies.worked(name)
    copy.choose(save=str(copies.folder / f"{name}.save"))
    del copy.files["ignored.tmp"]  # is in no save, as in no commit
    return copy


def save(copy: Copy) -> bool:
    outcome = copy.do(Job.SAVE)
    assert outcome.state is State.DONE, outcome
    return outcome.data.saved


def lost(copy: Copy) -> Outcome:
    """Lose the copy wholly, and open it anew."""
    shutil.rmtree(copy.folder)
    outcome = copy.do(Job.OPEN)
    assert outcome.state is not State.FAILED, outcome
    return outcome


def test_a_lost_copy_is_back_with_all_that_was_in_it(copies: Copies) -> None:
    copy = saved(copies, "whole")
    git(copy.folder, "stash", "push", "-q", "--", "n.ipynb")
    stashed = git(copy.folder, "stash", "show", "-p")
    copy.write("n.ipynb", (copy.folder / "n.ipynb").read_bytes())
    git(copy.folder, "switch", "-qc", "side")
    copy.commit("side.txt", b"side\n")
    (copy.folder / "a.txt").write_bytes(b"staged\n")
    git(copy.folder, "add", "a.txt")
    copy.write("a.txt", b"changed after staging\n")
    git(copy.folder, "tag", "mine")
    kept = copy.do(Job.SNAPSHOT).data.rescue
    status = git(copy.folder, "status", "--porcelain")
    before = copy.index(), copy.head()
    assert save(copy)
    assert (copy.index(), copy.head()) == before
    assert not save(copy)  # nothing changed
    copy.keep.faults.append(Fault("list", "drop"))  # it needs no server
    copy.choose(head="side")
    outcome = lost(copy)
    assert "was lost: it is here again as it was saved at 20" in outcome.sentence
    assert outcome.state is State.ATTENTION
    copy.nothing_lost()
    assert git(copy.folder, "status", "--porcelain") == status
    assert git(copy.folder, "show", ":a.txt") == "staged"
    assert git(copy.folder, "stash", "show", "-p") == stashed
    assert git(copy.folder, "rev-parse", "mine") == copy.head()
    assert kept in [one.name for one in copy.do(Job.RESCUES).data.rescues]
    copy.keep.faults.clear()
    copy.choose(head="main", ignore_uncommitted=True)
    copy.arrives()


def test_only_what_changed_is_saved_again(copies: Copies) -> None:
    copy = saved(copies, "again")
    assert save(copy)
    for content in (b"1\n", b"2\n"):
        copy.write("later.txt", content)
        assert save(copy)
        assert not save(copy)
    copy.commit("later.txt", copy.files.pop("later.txt"))
    assert save(copy)
    lost(copy)
    copy.nothing_lost()


def test_a_save_killed_at_any_moment_leaves_the_one_before(copies: Copies) -> None:
    copy = saved(copies, "killed-save")
    assert save(copy)
    for number in range(200):
        (copy.folder / f"many-{number}.txt").write_bytes(b"%d\n" % number * 500)
    place, scraps = Path(copy.request.save), copy.folder / ".git" / "hopyard"
    for turn in range(4):
        request = copy.request.model_copy(update={"job": Job.SAVE})
        engine = process(request, copies.folder / "output")
        wait_until("it works", lambda: bool(list(scraps.glob("index-*"))))
        time.sleep(turn * 0.03)
        kill(engine)
        git(place, "fsck", "--connectivity-only", "--no-dangling")
    lost(copy)
    copy.nothing_lost()


def test_a_damaged_save_is_put_aside_and_the_copy_cloned(copies: Copies) -> None:
    copy = saved(copies, "damaged")
    assert save(copy)
    place = Path(copy.request.save)
    shutil.rmtree(place / ".git" / "objects")
    shutil.rmtree(copy.folder)
    assert copy.do(Job.OPEN).state is State.DONE
    assert [one.name for one in place.parent.glob("damaged.save.damaged-*")]
    assert (copy.folder / "a.txt").exists()
    assert save(copy)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def platform(
    tmp_path_factory: pytest.TempPathFactory, server: GitServer
) -> AsyncIterator[Hopyard]:
    """A platform whose working copies are on a disk that gets lost."""
    disk = tmp_path_factory.mktemp("disk") / "copies"
    async with temp_hopyard(
        tmp_path_factory.mktemp("git-saves"),
        HOPYARD_GIT__DURABLE="false",
        HOPYARD_GIT__COPIES_DIR=str(disk),
        HOPYARD_GIT__SNAPSHOT_MINUTES="0.02",
        **reachable(server),
    ) as running:
        yield running


async def test_the_disk_of_a_killed_server_is_lost(platform: Hopyard, server: GitServer) -> None:
    mine = await member(platform, server, "lost-disk", push_on_stop=False)
    mine.copies = Path(platform.environment["HOPYARD_GIT__COPIES_DIR"])
    await mine.start()
    mine.work()
    await until_saved(mine)
    for one in mine.processes():
        one.kill()
    shutil.rmtree(mine.copies)
    await mine.until_state("failed")
    await mine.start()
    assert "it is here again as it was saved" in await mine.said()
    mine.all_there()
    (mine.folder / "at-the-stop.txt").write_bytes(b"written just before the stop\n")
    await mine.stop()
    shutil.rmtree(mine.copies)
    await mine.start()
    mine.all_there()
    assert (mine.folder / "at-the-stop.txt").read_bytes() == b"written just before the stop\n"
    assert KEY not in mine.log
    await mine.stop()


async def until_saved(mine: Work) -> None:
    """Wait for a save that began after the last edit."""

    async def again() -> bool:
        places = (mine.hopyard.data_dir / "saves" / mine.name / mine.name).glob("*")
        place = next(places, None)
        if place is None:
            return False
        held = git(place, "ls-tree", "-r", "--name-only", "refs/hopyard/save", codes=(0, 128))
        return (
            "mine.txt" in held
            and "staged.txt" in held
            and "not committed" in git(place, "show", "refs/hopyard/save:a.txt")
            and "Save: Saved in the project's storage." in mine.log
        )

    await until("the copy is saved", again, 60)
