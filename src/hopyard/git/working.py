"""The working copy as it stands: its files as a tree, its position, its lock."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from hopyard.git.calls import Git
from hopyard.git.faults import GitFault
from hopyard.git.trees import empty_tree, tree_of
from hopyard.protocol.git import Position, Reason

OWN = "hopyard"
"""Our folder inside `.git`."""
BEGUN = {
    "MERGE_HEAD": "merge",
    "rebase-merge": "rebase",
    "rebase-apply": "rebase",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
    "BISECT_LOG": "bisection",
}


@dataclass
class Work:
    """The files of a working copy, kept as objects.

    Attributes:
        head: the commit that is checked out; empty when there is none yet.
        branch: its name; empty when HEAD is detached.
        head_tree: of the commit.
        tree: of the files as they are, untracked ones too.
        index: the tree of the index; empty while there are conflicts in it.
        staged: the same, where it is neither of the two; else empty.
        files: that differ from the commit.
        left_out: that are not in the tree: too large, or not readable.
    """

    head: str
    branch: str
    head_tree: str
    tree: str
    index: str = ""
    staged: str = ""
    files: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    @property
    def dirty(self) -> bool:
        """Whether there is anything uncommitted."""
        return bool(self.tree != self.head_tree or self.staged)


@contextlib.contextmanager
def locked(folder: Path, seconds: float) -> Iterator[int]:
    """Keep other jobs away from a copy; freed by the system when the last holder ends.

    Raises:
        GitFault: another job does not end in time.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + seconds
    lock = os.open(folder.parent / f".{folder.name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    raise GitFault(
                        Reason.BUSY, "Another Git job works on this copy: try again."
                    ) from None
                time.sleep(0.05)
        yield lock
    finally:
        os.close(lock)


@contextlib.contextmanager
def own_index(git: Git) -> Iterator[Path]:
    """Give an index file of our own, a copy of the repository's (it knows which files changed)."""
    folder = git.dir / OWN
    folder.mkdir(exist_ok=True)
    handle, name = tempfile.mkstemp(prefix="index-", dir=folder)
    index = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream, contextlib.suppress(FileNotFoundError):
            stream.write((git.dir / "index").read_bytes())
        if index.stat().st_size == 0:
            index.unlink()
        yield index
    finally:
        for left in (index, index.with_name(index.name + ".lock")):
            left.unlink(missing_ok=True)


def look(git: Git) -> Work:
    """Write the working copy's files into objects; neither index nor history is touched."""
    head = git.word("rev-parse", "--verify", "-q", "HEAD^{commit}")
    branch = git.word("symbolic-ref", "-q", "--short", "HEAD")
    head_tree = tree_of(git, head)
    left_out: list[str] = []
    with own_index(git) as index:
        written = git.word("write-tree", index=index)
        added = git.run("add", "-u", "--ignore-errors", ".", index=index, codes=tuple(range(256)))
        if added.code:
            left_out += _unreadable(git, index)
            if not left_out:  # of no file: the disk is full, or the index is damaged
                git.run("add", "-u", ".", index=index)
        others = git.run("ls-files", "-z", "--others", "--exclude-standard", index=index).names
        names = list(_addable(git, others, left_out))
        feed = b"".join(os.fsencode(name) + b"\0" for name in names)
        if feed:
            git.run("update-index", "--add", "--remove", "-z", "--stdin", feed=feed, index=index)
        tree = git.run("write-tree", index=index).text
    changed = git.run("diff-tree", "-r", "-z", "--name-only", head_tree, tree).names
    staged = "" if written in (head_tree, tree, empty_tree(git)) else written
    return Work(head, branch, head_tree, tree, written, staged, changed, left_out)


def _addable(git: Git, names: list[str], left_out: list[str]) -> Iterator[str]:
    for name in names:
        if name.endswith("/"):  # a repository inside: its files are kept, not its history
            yield from _addable(git, list(_inside(git.folder, name)), left_out)
            continue
        path = git.folder / name
        with contextlib.suppress(OSError):
            found = path.lstat()
            if stat.S_ISLNK(found.st_mode):
                yield name
            elif stat.S_ISREG(found.st_mode):
                if found.st_size <= git.request.rules.file_most and os.access(path, os.R_OK):
                    yield name
                else:
                    left_out.append(name)


def _inside(folder: Path, name: str) -> Iterator[str]:
    for place, folders, files in os.walk(folder / name):
        folders[:] = [one for one in folders if one.lower() != ".git"]
        links = [one for one in folders if (Path(place) / one).is_symlink()]
        for one in files + links:
            if one.lower() != ".git":
                yield str((Path(place) / one).relative_to(folder))


def _unreadable(git: Git, index: Path) -> list[str]:
    names = git.run("ls-files", "-z", index=index).names
    paths = [(name, git.folder / name) for name in names]
    return [
        name
        for name, path in paths
        if path.exists() and not path.is_symlink() and not os.access(path, os.R_OK)
    ]


def unpushed(git: Git, *heads: str) -> int:
    """Count the commits that the server does not have, as far as known.

    Args:
        git: of the copy.
        heads: of which to count; without any, of HEAD and all branches.
    """
    what = heads or ("HEAD", "--branches")
    if not heads and not git.word("rev-parse", "--verify", "-q", "HEAD"):
        what = ("--branches",)
    found = git.word("rev-list", "--count", *what, "--not", "--remotes=origin")
    return int(found or 0)


def position(git: Git, work: Work) -> Position:
    """Return where a copy stands."""
    return Position(
        branch=work.branch,
        commit=work.head,
        unpushed=unpushed(git),
        uncommitted=len(work.files) + len(work.left_out),
    )


def begun(git: Git) -> str:
    """Return what the user has begun and not finished ("merge"); empty if nothing."""
    return next((word for name, word in BEGUN.items() if (git.dir / name).exists()), "")
