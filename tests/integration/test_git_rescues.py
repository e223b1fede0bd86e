"""Rescues: made without touching anything, listed, shown, brought back, never over newer work."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hopyard.protocol.git import Job, Reason, Rescue, State
from tests.git_server import git, temp_git
from tests.integration.git_copies import KEY, Copies, Copy, notebook


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copies]:
    folder = tmp_path_factory.mktemp("rescues")
    with temp_git(folder / "server") as running:
        yield Copies(running, folder / "copies")


def rescued(copy: Copy) -> str:
    outcome = copy.do(Job.SNAPSHOT)
    assert outcome.state is State.DONE, outcome
    return outcome.data.rescue


def the_only(copy: Copy) -> Rescue:
    [one] = copy.do(Job.RESCUES).data.rescues
    return one


def lose_edits(copy: Copy) -> dict[str, bytes]:
    """What the user (or a lost disk) can do: throw the uncommitted changes away."""
    git(copy.folder, "reset", "-q", "--hard")
    git(copy.folder, "clean", "-qfd")
    lost = {name: text for name, text in copy.files.items() if not name.endswith(".tmp")}
    for name in lost:
        del copy.files[name]
    return lost


def test_there_is_none_when_nothing_changed(copies: Copies) -> None:
    copy = copies.cloned("clean")
    assert rescued(copy) == ""
    assert copy.do(Job.RESCUES).data.rescues == []


def test_a_snapshot_touches_neither_index_nor_history(copies: Copies) -> None:
    copy = copies.worked("still")
    git(copy.folder, "add", "n.ipynb")
    before = copy.index(), copy.head(), git(copy.folder, "reflog")
    name = rescued(copy)
    assert (copy.index(), copy.head(), git(copy.folder, "reflog")) == before
    assert rescued(copy) == name  # the same work is not kept twice
    one = the_only(copy)
    assert (one.branch, one.commits, one.files, one.here) == ("main", 1, 2, True)


def test_thrown_away_edits_come_back(copies: Copies) -> None:
    copy = copies.worked("back")
    name = rescued(copy)
    lost = lose_edits(copy)
    assert not the_only(copy).here
    shown = copy.do(Job.DIFF, name).data.diff
    assert "4 + 4 # mine" in shown
    assert "neu 🍺.txt" in shown
    assert "a commit of mine" in shown
    assert copy.do(Job.RESTORE, name).state is State.DONE
    copy.files |= lost
    copy.nothing_lost()
    assert copy.head() == copy.commits[-1]
    assert the_only(copy).here


def test_a_thrown_away_commit_comes_back(copies: Copies) -> None:
    copy = copies.worked("commit")
    name = rescued(copy)
    lost = lose_edits(copy)
    git(copy.folder, "reset", "-q", "--hard", "origin/main")
    assert not the_only(copy).here
    assert copy.do(Job.RESTORE, name).state is State.DONE
    copy.files |= lost
    copy.nothing_lost()
    assert copy.head() == copy.commits[-1]
    assert git(copy.folder, "diff", "--cached") == ""


def test_newer_edits_elsewhere_are_merged(copies: Copies) -> None:
    copy = copies.worked("merge")
    name = rescued(copy)
    lost = lose_edits(copy)
    copy.write("a.txt", b"one\ntwo\nthree\nnewer\n")
    assert copy.do(Job.RESTORE, name).state is State.DONE
    copy.files |= lost
    copy.nothing_lost()


def test_newer_work_on_the_same_lines_stays_and_the_rescue_is_a_branch(copies: Copies) -> None:
    copy = copies.worked("newer")
    name = rescued(copy)
    lost = lose_edits(copy)
    copy.write("n.ipynb", notebook("1 + 1", "2 + 2", "3 + 3", "4 + 4 # newer"))
    before = copy.index(), copy.head()
    outcome = copy.do(Job.RESTORE, name)
    assert (outcome.state, outcome.reason) == (State.ATTENTION, Reason.CONFLICT)
    assert outcome.data.conflicts == ["n.ipynb"]
    assert (copy.index(), copy.head()) == before
    copy.nothing_lost()
    branch = f"rescue/{name}"
    assert branch in outcome.sentence
    for file, content in lost.items():
        assert git(copy.folder, "show", f"{branch}:{file}").encode() == content.strip()
    assert copy.do(Job.RESTORE, name).reason is Reason.CONFLICT  # twice does no harm


def test_commits_of_another_way_become_a_branch(copies: Copies) -> None:
    copy = copies.worked("ways")
    name = rescued(copy)
    lose_edits(copy)
    mine = copy.commits.pop()
    git(copy.folder, "reset", "-q", "--hard", "origin/main")
    copy.commit("other way.txt", b"other\n")
    outcome = copy.do(Job.RESTORE, name)
    assert outcome.state is State.ATTENTION
    copy.commits.append(mine)
    copy.nothing_lost()


def test_deleted_files_and_modes_and_links_are_rescued(copies: Copies) -> None:
    copy = copies.cloned("kinds")
    (copy.folder / "a.txt").unlink()
    (copy.folder / "n.ipynb").chmod(0o755)
    (copy.folder / "link").symlink_to("/etc/hostname")
    name = rescued(copy)
    lose_edits(copy)
    assert (copy.folder / "a.txt").exists()
    assert copy.do(Job.RESTORE, name).state is State.DONE
    assert not (copy.folder / "a.txt").exists()
    assert (copy.folder / "n.ipynb").stat().st_mode & 0o100
    assert (copy.folder / "link").is_symlink()


def test_a_commit_on_any_branch_is_rescued(copies: Copies) -> None:
    copy = copies.worked("branches")
    git(copy.folder, "checkout", "-q", "-b", "side")
    side = copy.commit("side.txt", b"side\n")
    git(copy.folder, "checkout", "-q", "main")
    name = rescued(copy)
    git(copy.folder, "branch", "-D", "side")
    assert not the_only(copy).here
    assert side in git(copy.folder, "rev-list", f"refs/hopyard/rescue/{name}").split()


def test_work_before_the_first_commit_is_rescued(copies: Copies) -> None:
    copies.server.make("unborn", KEY)
    copy = copies.empty("unborn")
    assert copy.do(Job.OPEN).reason is Reason.NO_BRANCH
    copy.write("first.txt", b"first\n")
    name = rescued(copy)
    (copy.folder / "first.txt").unlink()
    assert "first.txt" in copy.do(Job.DIFF, name).data.diff
    assert copy.do(Job.RESTORE, name).state is State.DONE
    assert (copy.folder / "first.txt").read_bytes() == b"first\n"
    git(copy.folder, "add", ".")
    git(copy.folder, "commit", "-q", "-m", "First")
    assert copy.do(Job.PUSH).state is State.DONE
    assert copy.keep.read("main", "first.txt") == b"first\n"


def test_a_push_ends_rescues_of_commits_alone(copies: Copies) -> None:
    copy = copies.worked("pushed")
    kept = rescued(copy)
    for name in ("n.ipynb", "new folder/neu 🍺.txt"):
        copy.commit(name, copy.files[name])
    assert rescued(copy) != kept
    assert copy.do(Job.PUSH).state is State.DONE
    assert the_only(copy).name == kept  # there were edits in it
    copy.nothing_lost()


def test_a_rescue_is_forgotten_once(copies: Copies) -> None:
    copy = copies.worked("forget")
    name = rescued(copy)
    assert copy.do(Job.FORGET, name).state is State.DONE
    for job in (Job.FORGET, Job.DIFF, Job.RESTORE):
        assert copy.do(job, name).reason is Reason.NO_RESCUE
    copy.nothing_lost()


def test_a_pull_over_uncommitted_changes_keeps_them_first(copies: Copies) -> None:
    copy = copies.worked("first", ignore_uncommitted=True)
    copy.keep.commit({"a.txt": b"theirs\n"})
    assert copy.do(Job.OPEN).state is State.DONE
    one = the_only(copy)
    assert (one.files, one.here) == (2, True)


def test_a_check_says_what_the_key_may_do(copies: Copies) -> None:
    copy = copies.cloned("may")
    outcome = copy.do(Job.CHECK)
    assert (outcome.state, outcome.data.may_push) == (State.DONE, True)
    copy.choose(base="nowhere")
    outcome = copy.do(Job.CHECK)
    assert (outcome.state, outcome.reason) == (State.ATTENTION, Reason.NO_BRANCH)
    copy.choose(base="main", head="mine")
    assert "mine" in copy.do(Job.CHECK).sentence
    copy.keep.writers.clear()
    outcome = copy.do(Job.CHECK)
    assert (outcome.state, outcome.data.may_push) == (State.ATTENTION, False)
    assert git(copy.keep.folder, "for-each-ref", "--format=%(refname)") == "refs/heads/main"


def test_branches_name_the_default_one(copies: Copies) -> None:
    copy = copies.cloned("default")
    copy.keep.commit({"x": b"x"}, branch="develop")
    git(copy.keep.folder, "symbolic-ref", "HEAD", "refs/heads/develop")
    data = copy.do(Job.BRANCHES).data
    assert (data.branches, data.default_branch) == (["develop", "main"], "develop")


def test_the_users_own_git_works_in_the_copy(copies: Copies) -> None:
    """What JupyterLab and the terminal see: author, remote, branch that it follows."""
    copy = copies.cloned("own")
    assert copy.do(Job.OPEN).state is State.DONE
    assert git(copy.folder, "config", "user.name") == "Ada Lovelace"
    assert git(copy.folder, "rev-parse", "--abbrev-ref", "main@{upstream}") == "origin/main"
    assert git(copy.folder, "status", "--porcelain") == ""


def test_a_start_keeps_what_nobody_could_rescue(copies: Copies) -> None:
    """As after the loss of the whole machine: no stop made a rescue."""
    copy = copies.worked("nobody")
    assert copy.do(Job.OPEN).data.rescues == []  # all of it is in the files
    one = the_only(copy)
    assert (one.commits, one.files) == (1, 2)
    for name in ("n.ipynb", "new folder/neu 🍺.txt"):
        shown = git(copy.folder, "show", f"refs/hopyard/rescue/{one.name}:{name}")
        assert shown.encode() == copy.files[name].strip()


def test_a_start_names_rescues_whose_work_is_gone_from_the_files(copies: Copies) -> None:
    copy = copies.worked("named")
    name = rescued(copy)
    lose_edits(copy)
    opened = copy.do(Job.OPEN)
    assert opened.state is State.DONE
    assert [one.name for one in opened.data.rescues] == [name]
