"""Pull: get the server's branches, and bring them into the working copy, or leave it as it is."""

from __future__ import annotations

from hopyard.git.calls import Git
from hopyard.git.faults import GitFault
from hopyard.git.listing import ask
from hopyard.git.moving import Move, move
from hopyard.git.rescues import keep
from hopyard.git.trees import Conflict, contains, merge, merged, rebase, straight, tree_of
from hopyard.git.working import Work, begun, look, position
from hopyard.protocol.git import Data, Outcome, Reason, State, WorkingCopy


def fetch(git: Git) -> None:
    """Get all branches of the server into `refs/remotes/origin`.

    Raises:
        GitFault: the server cannot be reached, or does not permit it.
    """
    listed = ask(git).heads
    form = "--format=%(refname:lstrip=3) %(objectname)"
    known = git.run("for-each-ref", form, "refs/remotes/origin").text.splitlines()
    here = dict(line.split(" ") for line in known)
    gone = [name for name in here if name not in listed and name != "HEAD"]
    if gone:
        feed = "".join(f"delete refs/remotes/origin/{name}\n" for name in gone).encode()
        git.run("update-ref", "--no-deref", "--stdin", feed=feed)
    if listed.items() <= here.items():
        return
    words = ["fetch", "--progress", "--no-tags", "--no-write-fetch-head", "--no-auto-gc"]
    words += ["--no-recurse-submodules", "--", git.remote.url]
    git.online(*words, "+refs/heads/*:refs/remotes/origin/*")


def tip(git: Git, branch: str, *, here: bool = False) -> str:
    """Return a branch's commit, the server's as last seen or the local one; empty for none."""
    ref = f"refs/heads/{branch}" if here else f"refs/remotes/origin/{branch}"
    return git.word("rev-parse", "--verify", "-q", f"{ref}^{{commit}}")


def branches(git: Git) -> list[str]:
    """Return the server's branches as last seen."""
    known = git.run("for-each-ref", "--format=%(refname)", "refs/remotes/origin").text.split("\n")
    return [name.removeprefix("refs/remotes/origin/") for name in known if name]


def pull(git: Git, copy: WorkingCopy, *, online: bool) -> Outcome:
    """Bring the server's commits into the working copy.

    Args:
        git: of the copy.
        copy: branches and choices.
        online: ask the server; else only check out the head branch.
    """
    if word := begun(git):
        sentence = f"A {word} is not finished here, so nothing was pulled: finish or abort it."
        return _left(git, look(git), GitFault(Reason.IN_PROGRESS, sentence))
    fault: GitFault | None = None
    if online:
        try:
            fetch(git)
        except GitFault as failed:
            words = f"{failed.sentence} Nothing was pulled: the copy is as you left it."
            fault = GitFault(failed.reason, words)
    work = look(git)
    try:
        # A server that was killed together with all that watched it has left no rescue.
        keep(git, work)
    except GitFault as failed:
        return _left(git, work, failed)
    start = _start(git, copy)
    if not start:
        return _left(git, work, fault or _no_commits(git, copy))
    target = start
    if online and fault is None:
        try:
            target = _target(git, copy, start)
            if not tip(git, copy.base):
                fault = missing(git, copy)
        except GitFault as failed:
            fault = failed
        except Conflict as conflict:
            fault = _conflict(copy, conflict.files)
    try:
        pulled = _arrive(git, copy, work, target)
    except GitFault as failed:
        return _left(git, work, failed)
    after = look(git)
    if fault is not None:
        return _left(git, after, fault)
    where = position(git, after)
    sentence = f"Branch {copy.head} is up to date."
    if pulled:
        sentence = f"Pulled {pulled} commit{'' if pulled == 1 else 's'} into branch {copy.head}."
    return Outcome(state=State.DONE, sentence=sentence, data=Data(position=where))


def _start(git: Git, copy: WorkingCopy) -> str:
    """Return the commit at which the head branch is, or would begin."""
    local = tip(git, copy.base, here=True)
    known = tip(git, copy.base)
    if local and known and contains(git, known, local):
        local = ""  # nothing of its own
    candidates = (tip(git, copy.head, here=True), tip(git, copy.head), local, known)
    return next((commit for commit in candidates if commit), "")


def _target(git: Git, copy: WorkingCopy, start: str) -> str:
    published = tip(git, copy.head)
    now = start
    if published:
        now = _join(git, now, published, copy.head, copy.on_divergence)
    base = tip(git, copy.base)
    if base:
        # Commits that are on the server already are never rewritten: the push would need force.
        how = "merge" if published else copy.on_divergence
        now = _join(git, now, base, copy.base, how)
    return now


def _join(git: Git, ours: str, theirs: str, branch: str, how: str) -> str:
    if contains(git, ours, theirs):
        return ours
    if contains(git, theirs, ours):
        return theirs
    if how == "rebase" and straight(git, ours, theirs):
        git.step("Rebasing")
        return rebase(git, ours, theirs)
    git.step("Merging")
    return merge(git, ours, theirs, f"Merge branch '{branch}' of {git.remote.url}")


def _arrive(git: Git, copy: WorkingCopy, work: Work, target: str) -> int:
    """Bring files, branch and index to `target`; return how many commits came.

    Raises:
        GitFault: there is uncommitted work in the way; it is as before.
    """
    at = tip(git, copy.head, here=True)
    if work.branch == copy.head and work.head == target:
        return 0
    files = tree_of(git, target)
    if work.dirty:
        if not copy.ignore_uncommitted:
            raise GitFault(
                Reason.UNCOMMITTED,
                "There are uncommitted changes, so nothing was pulled: commit them and start "
                "again, or choose to ignore uncommitted changes.",
            )
        try:
            files = merged(git, work.head_tree, work.tree, files)
        except Conflict as conflict:
            raise GitFault(
                Reason.CONFLICT,
                "Uncommitted changes touch the same lines as new commits on the server, so nothing "
                "was pulled: commit them and start again.",
                conflict.files,
            ) from None
    count = git.word("rev-list", "--count", target, *([f"^{work.head}"] if work.head else []))
    what = Move(files_from=work.tree, files_to=files, branch=copy.head, tip_from=at, tip_to=target)
    move(git, what)
    return int(count or 0)


def _left(git: Git, work: Work, fault: GitFault) -> Outcome:
    data = Data(position=position(git, work), conflicts=fault.conflicts)
    return Outcome(state=State.ATTENTION, sentence=fault.sentence, reason=fault.reason, data=data)


def _conflict(copy: WorkingCopy, files: list[str]) -> GitFault:
    return GitFault(
        Reason.CONFLICT,
        f"New commits on the server touch the same lines as yours, so nothing was pulled and your "
        f"work is as you left it: merge origin/{copy.base} in JupyterLab or the terminal, "
        "solve the conflict and commit.",
        files,
    )


def _no_commits(git: Git, copy: WorkingCopy) -> GitFault:
    if branches(git):
        return missing(git, copy)
    return GitFault(
        Reason.NO_BRANCH,
        f"The repository is empty: the first push makes the branch {copy.head}.",
    )


def missing(git: Git, copy: WorkingCopy) -> GitFault:
    """Return that the server lacks the base branch, and what it has."""
    known = branches(git)
    few = ", ".join(known[:5]) + (" …" if len(known) > 5 else "")
    return GitFault(
        Reason.NO_BRANCH,
        f"The server has no branch {copy.base} (any more); it has {few or 'none at all'}. "
        "Choose another base branch.",
    )
