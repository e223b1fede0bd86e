"""Merging by objects alone: no working copy, no index, no branch is touched.

`git merge-tree --write-tree` (Git 2.38 and newer) does what `git merge` does and writes only
objects: a conflict or a kill half-way leaves nothing to clean up.
"""

from __future__ import annotations

import json
import os

from hopyard.git.calls import Git
from hopyard.git.faults import GitFault
from hopyard.protocol.git import Author, Reason

REBASED_MOST = 200


class Conflict(Exception):
    """Both sides changed the same lines.

    Args:
        files: in which ones.
    """

    def __init__(self, files: list[str]) -> None:
        super().__init__(", ".join(files))
        self.files = files


def empty_tree(git: Git) -> str:
    """Write the tree without files and return its number."""
    return git.run("mktree", feed=b"").text


def tree_of(git: Git, commit: str) -> str:
    """Return a commit's tree; the empty one for no commit."""
    return git.run("rev-parse", f"{commit}^{{tree}}").text if commit else empty_tree(git)


def contains(git: Git, commit: str, other: str) -> bool:
    """Tell whether `other` is `commit` or before it."""
    return git.run("merge-base", "--is-ancestor", other, commit, codes=(0, 1)).code == 0


def merged(git: Git, base: str, ours: str, theirs: str) -> str:
    """Merge three trees.

    Returns:
        The merged tree.

    Raises:
        Conflict: with the files.
    """
    if base == theirs or ours == theirs:
        return ours
    if base == ours:
        return theirs
    # The oldest `merge-tree` takes no base: three commits say which it is.
    root = git.run("commit-tree", base, "-m", "base").text
    sides = [git.run("commit-tree", tree, "-p", root, "-m", "side").text for tree in (ours, theirs)]
    return _merge_commits(git, sides[0], sides[1], ours, theirs)


def _merge_commits(git: Git, one: str, other: str, ours: str, theirs: str) -> str:
    result = git.run(
        "merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", one, other, codes=(0, 1)
    )
    tree, *files = result.names
    if result.code:
        raise Conflict(sorted(set(files)))
    if broken := _broken_notebooks(git, tree, ours, theirs):
        raise Conflict(broken)
    return tree


def _broken_notebooks(git: Git, tree: str, ours: str, theirs: str) -> list[str]:
    """Return notebooks that a merge by lines made unreadable: no conflict, and still one."""
    changed = [
        set(git.run("diff-tree", "-r", "-z", "--name-only", side, tree).names)
        for side in (ours, theirs)
    ]
    both = [name for name in sorted(changed[0] & changed[1]) if name.endswith(".ipynb")]
    return [name for name in both if not _is_json(git, tree, name)]


def _is_json(git: Git, tree: str, name: str) -> bool:
    found = git.run("cat-file", "blob", f"{tree}:{name}", codes=(0, 128))
    try:
        json.loads(found.out or b"null")
    except ValueError:
        return False
    return True


def merge(git: Git, ours: str, theirs: str, words: str) -> str:
    """Merge two commits into a new one.

    Raises:
        Conflict: with the files.
        GitFault: they have no common past.
    """
    if not git.run("merge-base", ours, theirs, codes=(0, 1)).text:
        raise GitFault(
            Reason.DIVERGED,
            "The branch on the server has no common past with the one here (it was made anew): "
            "nothing was pulled. Choose another head branch to keep working.",
        )
    tree = _merge_commits(git, ours, theirs, tree_of(git, ours), tree_of(git, theirs))
    return git.run("commit-tree", tree, "-p", ours, "-p", theirs, "-m", words).text


def rebase(git: Git, ours: str, onto: str) -> str:
    """Put the commits of `ours` that `onto` lacks on top of it, with author, date and message.

    Raises:
        Conflict: with the files.
    """
    now = onto
    for commit in git.run("rev-list", "--reverse", ours, f"^{onto}").text.split():
        parent = git.word("rev-parse", "--verify", "-q", f"{commit}^")
        old = tree_of(git, now)
        tree = merged(git, tree_of(git, parent), old, tree_of(git, commit))
        if tree == old:
            continue  # the same change is there already
        shown = git.run("show", "-s", "--format=%an%x00%ae%x00%ad%x00%B", "--date=raw", commit)
        name, address, date, message = shown.out.split(b"\0", 3)
        author = Author(name=os.fsdecode(name), address=os.fsdecode(address))
        words = ["commit-tree", tree, "-p", now, "-F", "-"]
        when = f"@{date.decode()}"
        now = git.run(*words, feed=message.rstrip(b"\n") + b"\n", author=author, date=when).text
    return now


def straight(git: Git, ours: str, onto: str) -> bool:
    """Tell whether the commits of `ours` that `onto` lacks can be rebased without loss."""
    mine = (ours, f"^{onto}")
    merges = git.run("rev-list", "--merges", "--count", *mine).text
    return merges == "0" and int(git.run("rev-list", "--count", *mine).text) <= REBASED_MOST
