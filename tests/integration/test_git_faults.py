"""A table of faults: after each, every edit and commit made before is there, by its contents.

The cases run in threads at once (`outcomes`); each has its own repository and working copy.
"""

from __future__ import annotations

import random
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from pydantic import SecretStr

from hopyard.protocol.git import Job, Outcome, Reason, State
from tests.git_server import Fault, git, temp_git
from tests.integration.git_copies import FILES, KEY, Copies, Copy, notebook

THREADS = 6
Prepare = Callable[[Copy], None]


@dataclass(frozen=True)
class Case:
    """One fault.

    Attributes:
        job: that meets it: `open` of a new copy (CLONE), of one with work (PULL), or `push`.
        prepare: makes the fault.
        reason: that the engine must give; None if it must not be hindered.
        heal: takes the fault away; then all must arrive on the server.
        after: looks closer.
    """

    job: str
    prepare: Prepare
    reason: Reason | None
    heal: Prepare | None = None
    after: Callable[[Copy, Outcome], None] | None = None


CLONE, PULL, PUSH, CHECK = "clone", "pull", "push", "check"
CASES: dict[str, Case] = {}


def add(name: str, case: Case) -> None:
    assert name not in CASES
    CASES[name] = case


# --- the network and the server, at each step -----------------------------------------------------


def no_faults(copy: Copy) -> None:
    copy.keep.faults.clear()
    copy.request = ORIGINAL[copy.folder]


ORIGINAL = {}


def fault(stage: str, kind: str, value: int = 0) -> Prepare:
    def prepare(copy: Copy) -> None:
        copy.keep.faults.append(Fault(stage, kind, value))

    return prepare


def down(copy: Copy) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        host = f"127.0.0.1:{free.getsockname()[1]}"
    copy.choose(url=copy.request.remote.url.replace(copy.server.host, host))
    copy.choose(internal_hosts=frozenset({host}))


def unknown_host(copy: Copy) -> None:
    copy.choose(url="https://no-such-host.invalid/a.git")


def unknown_authority(copy: Copy) -> None:
    copy.choose(ca_file="")


def internal(copy: Copy) -> None:
    copy.choose(internal_hosts=frozenset())


def wrong_key(copy: Copy) -> None:
    copy.choose(key=SecretStr("revoked"))


def no_key(copy: Copy) -> None:
    copy.choose(key=SecretStr(""))


def may_not_see(copy: Copy) -> None:
    copy.keep.readers.clear()


def may_not_see_gitea(copy: Copy) -> None:
    copy.keep.readers.clear()
    copy.keep.hidden = False


def sees_again(copy: Copy) -> None:
    copy.keep.readers |= copy.keep.writers


R = Reason
ANYWHERE: dict[str, tuple[Prepare, Reason]] = {
    "down": (down, R.OFFLINE),
    "unknown host": (unknown_host, R.OFFLINE),
    "unknown authority": (unknown_authority, R.CERTIFICATE),
    "internal address": (internal, R.ADDRESS),
    "401": (wrong_key, R.UNAUTHORISED),
    "no key": (no_key, R.UNAUTHORISED),
    "403": (fault("list", "status", 403), R.FORBIDDEN),
    "404": (fault("list", "status", 404), R.NOT_FOUND),
    "500": (fault("list", "status", 500), R.SERVER),
    "503": (fault("list", "status", 503), R.SERVER),
    "redirect": (fault("list", "redirect"), R.REDIRECTED),
    "no git": (fault("list", "html"), R.SERVER),
    "dropped": (fault("list", "drop"), R.CUT),
    "stands still": (fault("list", "slow", 20), R.CUT),
}
for kind, (prepare, why) in ANYWHERE.items():
    for job in (CLONE, PULL, PUSH, CHECK):
        add(f"{job}, {kind}", Case(job, prepare, why, no_faults))

for job, stage in ((CLONE, "fetch"), (PULL, "fetch"), (PUSH, "push")):
    add(f"{job}, 500 in the middle", Case(job, fault(stage, "status", 500), R.SERVER, no_faults))
    add(f"{job}, dropped in the middle", Case(job, fault(stage, "drop"), R.CUT, no_faults))
    add(
        f"{job}, stands still in the middle",
        Case(job, fault(stage, "slow", 40), R.TIMEOUT, no_faults),
    )


def objects(kind: str) -> Prepare:
    """The server's commits themselves break off, after half of them."""

    def prepare(copy: Copy) -> None:
        copy.keep.commit({f"theirs-{n}.bin": random.Random(n).randbytes(20_000) for n in range(9)})
        copy.keep.faults.append(Fault("pack", kind))
        copy.choose(ignore_uncommitted=True)

    return prepare


def transferred(copy: Copy) -> None:
    no_faults(copy)
    copy.choose(ignore_uncommitted=True)


for job in (CLONE, PULL):
    add(f"{job}, branches cut off", Case(job, fault("fetch", "cut"), R.CUT, no_faults))
    add(f"{job}, cut in mid-transfer", Case(job, objects("cut"), R.CUT, transferred))
    add(f"{job}, stands still in mid-transfer", Case(job, objects("slow"), R.TIMEOUT, transferred))
    add(f"{job}, hidden repository", Case(job, may_not_see, R.NOT_FOUND, sees_again))
    add(f"{job}, forbidden repository", Case(job, may_not_see_gitea, R.FORBIDDEN, sees_again))
add("push, half of it sent", Case(PUSH, fault("push", "half"), R.CUT, no_faults))
add("push, done but not answered", Case(PUSH, fault("push", "deaf"), R.CUT, no_faults))


# --- pushes that a server does not take -----------------------------------------------------------


def read_only(copy: Copy) -> None:
    copy.keep.writers.clear()


def writes_again(copy: Copy) -> None:
    copy.keep.writers |= copy.keep.readers


def non_fast_forward(copy: Copy) -> None:
    copy.keep.commit({"theirs.txt": b"theirs\n"})


PROTECTING = """
while read old new ref; do
  case $ref in refs/heads/main) echo '{}' >&2; exit 1;; esac
done"""


def github_protects(copy: Copy) -> None:
    copy.keep.hook("pre-receive", PROTECTING.format("error: GH006: Protected branch update failed"))


def gitlab_protects(copy: Copy) -> None:
    text = "GitLab: You are not allowed to push code to protected branches on this project."
    copy.keep.hook("pre-receive", PROTECTING.format(text))


def declines(copy: Copy) -> None:
    copy.keep.hook("update", "echo 'Commit messages need a ticket.' >&2; exit 1")


def no_hooks(copy: Copy) -> None:
    for hook in (copy.keep.folder / "hooks").iterdir():
        hook.unlink()


def new_head(copy: Copy) -> None:
    copy.choose(head="of/ada-🍺")


def heads_come_along(copy: Copy, _: Outcome) -> None:
    """What was committed to a branch that could not be pushed goes to the new head branch."""
    new_head(copy)
    copy.choose(ignore_uncommitted=True)
    copy.arrives()
    assert copy.keep.read("of/ada-🍺", "mine.txt") == b"a commit of mine\n"


def ticket_is_named(_: Copy, outcome: Outcome) -> None:
    assert "Commit messages need a ticket." in outcome.sentence


add("push, read-only key", Case(PUSH, read_only, R.FORBIDDEN, writes_again))
add("push, non-fast-forward", Case(PUSH, non_fast_forward, R.DIVERGED, lambda copy: copy.choose(
    ignore_uncommitted=True)))  # fmt: skip
add("push, protected on GitHub", Case(PUSH, github_protects, R.PROTECTED, no_hooks))
add("push, protected on GitLab", Case(PUSH, gitlab_protects, R.PROTECTED, no_hooks))
add("push, declined by a hook", Case(PUSH, declines, R.REJECTED, no_hooks, ticket_is_named))
add("push, protected: another head", Case(PUSH, github_protects, R.PROTECTED, no_hooks,
    heads_come_along))  # fmt: skip


# --- pulls that meet work -------------------------------------------------------------------------


def theirs_apart(copy: Copy) -> None:
    copy.keep.commit({"a.txt": b"one\ntwo\nthree\nfour, theirs\n"})


def uncommitted_stays(copy: Copy) -> None:
    theirs_apart(copy)
    copy.index_before = copy.index()  # type: ignore[attr-defined]


def untouched(copy: Copy, _: Outcome) -> None:
    assert copy.index() == copy.index_before  # type: ignore[attr-defined]
    assert copy.head() == copy.commits[-1]
    assert (copy.folder / "a.txt").read_bytes() == FILES["a.txt"]


def ignore(copy: Copy) -> None:
    theirs_apart(copy)
    copy.choose(ignore_uncommitted=True)


def pulled(copy: Copy, outcome: Outcome) -> None:
    assert outcome.state is State.DONE, outcome
    assert b"theirs" in (copy.folder / "a.txt").read_bytes()
    merges = git(copy.folder, "rev-list", "--merges", "HEAD")
    assert bool(merges) == (copy.request.working_copy.on_divergence == "merge")  # type: ignore[union-attr]


def ignore_and_rebase(copy: Copy) -> None:
    ignore(copy)
    copy.choose(on_divergence="rebase")


def conflicts_uncommitted(copy: Copy) -> None:
    copy.keep.commit({"n.ipynb": notebook("1 + 1", "2 + 2", "3 + 3", "4 + 4 # theirs")})
    copy.choose(ignore_uncommitted=True)
    copy.index_before = copy.index()  # type: ignore[attr-defined]


def conflicts_committed(copy: Copy) -> None:
    copy.commit("n.ipynb", copy.files.pop("n.ipynb"))
    conflicts_uncommitted(copy)


def conflicts_rebase(copy: Copy) -> None:
    conflicts_committed(copy)
    copy.choose(on_divergence="rebase")


def names_the_notebook(copy: Copy, outcome: Outcome) -> None:
    untouched(copy, outcome)
    assert outcome.data.conflicts == ["n.ipynb"]


def broken_by_lines(copy: Copy) -> None:
    """Both sides add a cell at other places: lines merge, the JSON of it would not be one."""
    lines = notebook("1 + 1", "2 + 2", "3 + 3", "4 + 4").splitlines(keepends=True)
    ours, theirs = lines.copy(), lines.copy()
    ours[1] = b' "x": [\n' + ours[1]
    theirs[-2] = b" ],\n" + theirs[-2]
    del copy.files["n.ipynb"]
    copy.commit("n.ipynb", b"".join(ours))
    copy.keep.commit({"n.ipynb": b"".join(theirs)})
    copy.choose(ignore_uncommitted=True)
    copy.index_before = copy.index()  # type: ignore[attr-defined]


def in_the_way(copy: Copy) -> None:
    """They add a file that is here, ignored and so in no commit."""
    copy.keep.commit({"ignored.tmp": b"theirs\n"})
    copy.choose(ignore_uncommitted=True)


def same_untracked(copy: Copy) -> None:
    copy.keep.commit({"new folder/neu 🍺.txt": b"another\n"})
    copy.choose(ignore_uncommitted=True)


def deletes_what_i_edit(copy: Copy) -> None:
    copy.keep.commit({"n.ipynb": None})
    copy.choose(ignore_uncommitted=True)


def merge_begun(copy: Copy) -> None:
    theirs_apart(copy)
    (copy.folder / ".git" / "MERGE_HEAD").write_text(copy.head() + "\n")


def merge_over(copy: Copy) -> None:
    (copy.folder / ".git" / "MERGE_HEAD").unlink()
    copy.choose(ignore_uncommitted=True)


def detached(copy: Copy) -> None:
    git(copy.folder, "checkout", "-q", "--detach")
    copy.commit("detached.txt", b"on no branch\n")
    git(copy.folder, "branch", "kept-by-nobody-else", copy.commits[0])


def other_branch(copy: Copy) -> None:
    git(copy.folder, "checkout", "-q", "-b", "other")
    copy.commit("other.txt", b"other\n")
    copy.choose(ignore_uncommitted=True)


def on_main(copy: Copy, _: Outcome) -> None:
    assert git(copy.folder, "symbolic-ref", "--short", "HEAD") == "main"


add("pull, uncommitted changes", Case(PULL, uncommitted_stays, R.UNCOMMITTED,
    lambda copy: copy.choose(ignore_uncommitted=True), untouched))  # fmt: skip
add("pull, uncommitted changes ignored", Case(PULL, ignore, None, None, pulled))
add("pull, uncommitted changes, rebase", Case(PULL, ignore_and_rebase, None, None, pulled))
add("pull, conflict with an edit", Case(PULL, conflicts_uncommitted, R.CONFLICT, None,
    names_the_notebook))  # fmt: skip
add("pull, conflict in a notebook", Case(PULL, conflicts_committed, R.CONFLICT, None,
    names_the_notebook))  # fmt: skip
add("pull, conflict in a rebase", Case(PULL, conflicts_rebase, R.CONFLICT, None,
    names_the_notebook))  # fmt: skip
add("pull, lines merge to no notebook", Case(PULL, broken_by_lines, R.CONFLICT, None,
    names_the_notebook))  # fmt: skip
add("pull, ignored file in the way", Case(PULL, in_the_way, R.UNCOMMITTED))
add("pull, untracked file in the way", Case(PULL, same_untracked, R.CONFLICT))
add("pull, they delete what I edit", Case(PULL, deletes_what_i_edit, R.CONFLICT))
add("pull, merge begun", Case(PULL, merge_begun, R.IN_PROGRESS, merge_over))
add("pull, detached HEAD", Case(PULL, detached, R.UNCOMMITTED))
add("pull, another branch is checked out", Case(PULL, other_branch, None, None, on_main))


# --- branches and repositories of odd states ------------------------------------------------------


def empty(copy: Copy) -> None:
    git(copy.keep.folder, "update-ref", "-d", "refs/heads/main")


def base_deleted(copy: Copy) -> None:
    copy.keep.commit({"b.txt": b"b\n"}, branch="elsewhere")
    empty(copy)


def base_back(copy: Copy) -> None:
    copy.keep.commit({"b.txt": b"b\n"})


def head_deleted(copy: Copy) -> None:
    git(copy.keep.folder, "branch", "mine", "main")
    copy.choose(head="mine", ignore_uncommitted=True)
    assert copy.do(Job.OPEN).state is State.DONE
    git(copy.keep.folder, "branch", "-D", "mine")


def rewritten(copy: Copy) -> None:
    """They force-push: the commits that we began with are gone."""
    empty(copy)
    copy.keep.commit({"a.txt": b"all anew\n"})
    copy.choose(ignore_uncommitted=True)


def unborn_head(copy: Copy) -> None:
    git(copy.folder, "symbolic-ref", "HEAD", "refs/heads/unborn")
    copy.choose(ignore_uncommitted=True)


def says_empty(_: Copy, outcome: Outcome) -> None:
    assert "empty" in outcome.sentence


def new_branch(copy: Copy) -> None:
    new_head(copy)
    copy.choose(ignore_uncommitted=True)


def lists_branches(_: Copy, outcome: Outcome) -> None:
    assert "elsewhere" in outcome.sentence


add("clone, empty repository", Case(CLONE, empty, R.NO_BRANCH, base_back, says_empty))
add("clone, base deleted", Case(CLONE, base_deleted, R.NO_BRANCH, base_back, lists_branches))
add("pull, all branches deleted", Case(PULL, empty, R.NO_BRANCH, None, None))
add("pull, base deleted", Case(PULL, base_deleted, R.NO_BRANCH, None, lists_branches))
add("push, branch deleted meanwhile", Case(PUSH, empty, None, lambda _: None))
add("pull, head deleted", Case(PULL, head_deleted, None, lambda _: None))
add("pull, history made anew", Case(PULL, rewritten, R.DIVERGED))
add("pull, unborn branch checked out", Case(PULL, unborn_head, R.CONFLICT))
add("pull, new head branch", Case(PULL, new_branch, None, lambda _: None))
add("clone, new head branch", Case(CLONE, new_head, None, lambda _: None))


# --- odd contents ---------------------------------------------------------------------------------


def tree(copy: Copy, *lines: str) -> None:
    """Commit on the server entries that a plain commit cannot make: `MODE NAME CONTENT`."""
    feed = "commit refs/heads/main\ncommitter S <s@example.org> 1700000000 +0000\ndata 3\nodd\n"
    feed += f"from {copy.keep.tip('main')}\n"
    for line in lines:
        mode, name, content = line.split(" ", 2)
        if mode == "160000":
            feed += f"M 160000 {content} {name}\n"
        else:
            feed += f"M {mode} inline {name}\ndata {len(content.encode())}\n{content}\n"
    git(copy.keep.folder, "fast-import", "--quiet", feed=feed.encode())


def submodule(copy: Copy) -> None:
    text = '[submodule "s"]\n\tpath = s\n\turl = file:///etc\n'
    tree(copy, f"160000 s {'1' * 40}", f"100644 .gitmodules {text}")
    copy.choose(ignore_uncommitted=True)


def large_files_pointer(copy: Copy) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 9\n"
    tree(copy, "100644 .gitattributes *.bin filter=lfs diff=lfs merge=lfs -text\n",
         f"100644 big.bin {pointer}")  # fmt: skip
    copy.choose(ignore_uncommitted=True)


def link_out(copy: Copy) -> None:
    tree(copy, "120000 out /etc/hostname", "120000 up ../../../..")
    copy.choose(ignore_uncommitted=True)


def link_stays_link(copy: Copy, _: Outcome) -> None:
    assert (copy.folder / "out").is_symlink()


def hook_in_the_copy(copy: Copy) -> None:
    """Hooks, filters and monitors of the repository's own do not run."""
    tree(copy, "100755 .git-hooks/post-checkout #!/bin/sh\ntouch ran\n")
    hooks = copy.folder / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    names = ["pre-push", "post-checkout", "post-merge", "post-rewrite", "reference-transaction"]
    for name in names:
        (hooks / name).write_text(f"#!/bin/sh\ntouch '{copy.folder}/ran-{name}'\n")
        (hooks / name).chmod(0o755)
    for name in ("core.fsmonitor", "core.sshCommand", "core.editor", "diff.external"):
        git(copy.folder, "config", name, f"touch '{copy.folder}/ran-{name}'")
    git(copy.folder, "config", "core.hooksPath", str(hooks))
    git(copy.folder, "config", "credential.helper", f"!touch '{copy.folder}/ran-helper'")
    git(copy.folder, "config", "http.proxy", "http://127.0.0.1:9")
    git(copy.folder, "config", "http.sslVerify", "false")
    copy.choose(ignore_uncommitted=True)


def did_not_run(copy: Copy, _: Outcome) -> None:
    assert copy.do(Job.PUSH).state is State.DONE
    assert not list(copy.folder.glob("ran*"))
    for name in ("core.fsmonitor", "core.hooksPath", "core.sshCommand"):
        git(copy.folder, "config", "--unset", name)


def odd_names(copy: Copy) -> None:
    copy.commit("-rf .txt", b"1\n")
    copy.commit("a\nb\t'\"\\.txt", b"2\n")
    copy.write("  --upload-pack=x 🍺", b"3\n")
    copy.keep.commit({"their 🍺 & name.txt": b"4\n", "--help": b"5\n"})
    copy.choose(ignore_uncommitted=True)


def huge(copy: Copy) -> None:
    copy.write("huge.csv", b"0123456789abcdef" * 2**17)  # 2 MB; the limit is 1 MB here
    theirs_apart(copy)
    copy.choose(ignore_uncommitted=True)


def named_as_left_out(copy: Copy, _: Outcome) -> None:
    assert "huge.csv" in copy.do(Job.SNAPSHOT).sentence


def nested(copy: Copy) -> None:
    for name in ("inner", "unborn"):
        folder = copy.folder / name
        folder.mkdir()
        git(folder, "init", "-q")
        copy.write(f"{name}/deep/file.txt", name.encode())
    git(copy.folder / "inner", "add", ".")
    git(copy.folder / "inner", "commit", "-q", "-m", "inner")
    copy.write("inner/later.txt", b"later\n")
    ignore(copy)


def nested_is_rescued(copy: Copy, _: Outcome) -> None:
    name = copy.do(Job.SNAPSHOT).data.rescue
    for file in ("inner/deep/file.txt", "inner/later.txt", "unborn/deep/file.txt"):
        assert git(copy.folder, "cat-file", "blob", f"refs/hopyard/rescue/{name}:{file}")


def staged_and_changed(copy: Copy) -> None:
    (copy.folder / "a.txt").write_bytes(b"staged\n")
    git(copy.folder, "add", "a.txt")
    copy.write("a.txt", b"changed after staging\n")
    copy.keep.commit({"b.txt": b"b\n"})
    copy.choose(ignore_uncommitted=True)


def staged_is_rescued(copy: Copy, _: Outcome) -> None:
    names = [one.name for one in copy.do(Job.RESCUES).data.rescues]
    staged = [git(copy.folder, "cat-file", "blob", f"refs/hopyard/rescue/{n}^2:a.txt",
                  codes=(0, 128)) for n in names]  # fmt: skip
    assert "staged" in staged


add("pull, submodule", Case(PULL, submodule, None, lambda _: None))
add("pull, LFS pointer", Case(PULL, large_files_pointer, None, lambda _: None))
add("pull, link out of the tree", Case(PULL, link_out, None, lambda _: None, link_stays_link))
add("pull, hooks and programs in the repository", Case(PULL, hook_in_the_copy, None,
    lambda _: None, did_not_run))  # fmt: skip
add("pull, odd names", Case(PULL, odd_names, None, lambda _: None))
add("pull, huge file", Case(PULL, huge, None, lambda _: None, named_as_left_out))
add("pull, repositories inside", Case(PULL, nested, None, lambda _: None, nested_is_rescued))
add("pull, staged and changed again", Case(PULL, staged_and_changed, None, lambda _: None,
    staged_is_rescued))  # fmt: skip


# --- damage ---------------------------------------------------------------------------------------


def locks_left(copy: Copy) -> None:
    for name in ("index.lock", "HEAD.lock", "config.lock", "refs/heads/main.lock"):
        (copy.folder / ".git" / name).write_bytes(b"")
    ignore(copy)


def index_damaged(copy: Copy) -> None:
    (copy.folder / ".git" / "index").write_bytes(b"DIRC damaged")
    ignore(copy)


def half_a_clone(copy: Copy) -> None:
    left = copy.folder.with_name(f".{copy.folder.name}.new-0000")
    (left / ".git").mkdir(parents=True)
    (left / "half").write_bytes(b"half")


def no_half_left(copy: Copy, _: Outcome) -> None:
    assert not list(copy.folder.parent.glob(".*.new-*"))


def repository_gone(copy: Copy) -> None:
    (copy.folder / ".git" / "HEAD").unlink()
    copy.aside = dict(copy.files)  # type: ignore[attr-defined]
    copy.files.clear()
    copy.commits.clear()


def kept_beside(copy: Copy, outcome: Outcome) -> None:
    [beside] = copy.folder.parent.glob("*.damaged-*")
    assert beside.name in outcome.sentence
    for name, content in copy.aside.items():  # type: ignore[attr-defined]
        assert (beside / name).read_bytes() == content


def folder_is_no_copy(copy: Copy) -> None:
    copy.folder.mkdir(parents=True)
    (copy.folder / "file.txt").write_bytes(b"file\n")
    copy.aside = {"file.txt": b"file\n"}  # type: ignore[attr-defined]


add("pull, locks left behind", Case(PULL, locks_left, None, lambda _: None, pulled))
add("pull, damaged index", Case(PULL, index_damaged, None, lambda _: None, pulled))
add("clone, half of one left behind", Case(CLONE, half_a_clone, None, lambda _: None, no_half_left))
add("pull, damaged repository", Case(PULL, repository_gone, None, lambda _: None, kept_beside))
add("clone, folder in the way", Case(CLONE, folder_is_no_copy, None, None, kept_beside))


# --- the table ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def outcomes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[None]]]:
    """Run all chosen cases at once."""
    chosen = {item.name for item in request.session.items}
    folder = tmp_path_factory.mktemp("git")
    with temp_git(folder / "server") as running:
        copies = Copies(running, folder / "copies")
        with ThreadPoolExecutor(THREADS) as pool:
            yield {
                name: pool.submit(_go_through, copies, f"case{number}", case)
                for number, (name, case) in enumerate(CASES.items())
                if f"test_no_work_is_lost[{name}]" in chosen
            }


def _go_through(copies: Copies, name: str, case: Case) -> None:
    if case.job == CLONE:
        copies.server.make(name, KEY, FILES)
        copy = copies.empty(name)
    else:
        copy = copies.worked(name)
    ORIGINAL[copy.folder] = copy.request
    case.prepare(copy)
    outcome = copy.do({PUSH: Job.PUSH, CHECK: Job.CHECK}.get(case.job, Job.OPEN))
    assert outcome.reason == case.reason, outcome
    assert (outcome.state is State.DONE) == (case.reason is None and not hasattr(copy, "aside"))
    # A server can start on what is there; only a clone can leave it without anything.
    assert case.job != PULL or outcome.state is not State.FAILED
    if outcome.state is State.FAILED and case.job == CLONE:
        assert not copy.folder.exists()
    else:
        copy.nothing_lost()
    if case.after:
        case.after(copy, outcome)
    if case.heal:
        case.heal(copy)
        copy.arrives()


@pytest.mark.parametrize("name", CASES)
def test_no_work_is_lost(name: str, outcomes: dict[str, Future[None]]) -> None:
    outcomes[name].result(timeout=120)


def test_the_table_is_long() -> None:
    assert len(CASES) >= 90
