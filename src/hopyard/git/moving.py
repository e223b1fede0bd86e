"""Moving a working copy from one state to another: all or nothing, also when killed half-way.

What is to be done is written down first (`.git/hopyard/move.json`). Files go first, then the
branch, then the index; `finish` does the rest of a move that was interrupted. A file that is
neither as before, as after, nor the beginning of "after" was written by somebody else: it stays.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
from pathlib import Path

from pydantic import BaseModel

from hopyard.git.calls import Git
from hopyard.git.faults import GitFault
from hopyard.git.trees import empty_tree
from hopyard.git.working import OWN, own_index
from hopyard.protocol.git import Reason

NOTE = "move.json"
ZERO = "0" * 40


class Move(BaseModel, frozen=True):
    """A move.

    Attributes:
        files_from: the tree of the files as they are.
        files_to: the tree of the files afterwards.
        branch: that is checked out afterwards; empty: none is touched, nor the index.
        tip_from: its commit before; empty if the branch is new.
        tip_to: its commit afterwards.
    """

    files_from: str
    files_to: str
    branch: str = ""
    tip_from: str = ""
    tip_to: str = ""


def move(git: Git, what: Move) -> None:
    """Do a move.

    Raises:
        GitFault: files are in the way or the disk is full; everything is as before.
    """
    note = git.dir / OWN / NOTE
    with own_index(git) as index:
        git.run("read-tree", "--reset", what.files_from, index=index)
        _free(git, what, index)
        _write(note, what)
        git.run("update-index", "-q", "--refresh", index=index, codes=(0, 1))
        try:
            git.step("Updating files")
            git.run("read-tree", "-m", "-u", what.files_from, what.files_to, index=index)
        except GitFault as fault:
            if fault.reason is Reason.UNCOMMITTED:  # refused before the first file
                note.unlink()
                raise
            # The disk is full, the time is over: the note leads back, now or at the next job.
            with contextlib.suppress(GitFault, OSError):
                _write(note, Move(files_from=what.files_to, files_to=what.files_from))
                finish(git)
            raise
    _settle(git, what)
    note.unlink()


def _free(git: Git, what: Move, index: Path) -> None:
    """Look for files in the way that Git would overwrite: the ignored ones."""
    known = ["diff-tree", "-r", "-z", "--name-only", "--no-renames", "--diff-filter=A"]
    for name in git.run(*known, what.files_from, what.files_to).names:
        path = git.folder / name
        for place in (path, *path.parents):
            if place == git.folder:
                break
            here = str(place.relative_to(git.folder))
            if not os.path.lexists(place) or (place != path and _is_folder(place)):
                continue
            tracked = git.run("ls-files", "-z", "--", f":(literal){here}", index=index).out
            others = ["ls-files", "-z", "--others", "--", f":(literal){here}"]
            if not tracked or git.run(*others, index=index).out:
                raise GitFault(
                    Reason.UNCOMMITTED,
                    f"The file {here} is in the way of one that comes from the server, so nothing "
                    "was pulled: rename it and start again.",
                )


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def finish(git: Git) -> bool:
    """Finish a move that was interrupted; tell whether there was one."""
    note = git.dir / OWN / NOTE
    try:
        what = Move.model_validate_json(note.read_bytes())
    except (FileNotFoundError, ValueError):
        note.unlink(missing_ok=True)
        return False
    with own_index(git) as index:
        git.run("read-tree", what.files_to, index=index)
        changed = ["diff-tree", "-r", "-z", "--no-renames", what.files_from, what.files_to]
        fields = git.run(*changed).names
        write: list[str] = []
        for entry, name in zip(fields[::2], fields[1::2], strict=True):
            old_mode, new_mode, old, new, _ = entry.lstrip(":").split()
            path = git.folder / name
            if not _ours(git, path, (old_mode, old), (new_mode, new)):
                continue
            if new == ZERO:
                _remove(git.folder, path)
            elif new_mode != "160000":
                write.append(name)
        if write:
            feed = b"".join(os.fsencode(name) + b"\0" for name in write)
            git.run("checkout-index", "-f", "-z", "--stdin", feed=feed, index=index)
    _settle(git, what)
    note.unlink()
    return True


def _settle(git: Git, what: Move) -> None:
    if not what.branch:
        return
    ref = f"refs/heads/{what.branch}"
    at = git.word("rev-parse", "--verify", "-q", ref)
    if at == what.tip_from:
        git.run("update-ref", "-m", "hopyard: pull", ref, what.tip_to, what.tip_from or ZERO)
    if git.word("rev-parse", "--verify", "-q", ref) == what.tip_to:
        git.run("symbolic-ref", "-m", "hopyard: switch", "HEAD", ref)
        git.run("read-tree", "--reset", what.tip_to or empty_tree(git))
        git.run("update-index", "-q", "--refresh", codes=(0, 1))


def _ours(git: Git, path: Path, old: tuple[str, str], new: tuple[str, str]) -> bool:
    """Tell whether a file may be written: nobody but the interrupted move touched it."""
    inside = git.folder.resolve() / path.parent.relative_to(git.folder)
    if path.parent.exists() and path.parent.resolve() != inside:
        return False  # behind a link
    try:
        found = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    if stat.S_ISDIR(found.st_mode):
        return False
    known = [git.run("cat-file", "blob", one).out for _, one in (old, new) if one != ZERO]
    if stat.S_ISLNK(found.st_mode):
        return os.fsencode(path.readlink()) in known
    now = git.run("hash-object", "--path", str(path.relative_to(git.folder)), "--", str(path)).text
    return now in (old[1], new[1]) or (new[1] != ZERO and _begins(path, known[-1]))


def _begins(path: Path, whole: bytes) -> bool:
    return path.stat().st_size <= len(whole) and whole.startswith(path.read_bytes())


def _remove(folder: Path, path: Path) -> None:
    path.unlink(missing_ok=True)
    for parent in path.parents:
        if parent == folder:
            return
        try:
            parent.rmdir()
        except OSError:
            return


def _write(note: Path, what: Move) -> None:
    note.parent.mkdir(exist_ok=True)
    new = note.with_suffix(".new")
    with new.open("w") as stream:
        json.dump(what.model_dump(), stream)
        stream.flush()
        os.fsync(stream.fileno())
    new.replace(note)
