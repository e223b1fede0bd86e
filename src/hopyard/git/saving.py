"""Saves: all of a working copy in a repository elsewhere, for copies on disks that get lost.

The save has every ref of the copy and, at `refs/hopyard/save`, a commit whose tree are the files as
they were; its parents are HEAD, the index and what `git stash` holds; its message says so as JSON.
Only what is new is sent. Neither index nor history of the copy is touched. Files that `.gitignore`
names are not in it, nor are untracked ones above the limit.
"""

from __future__ import annotations

import hashlib
import shutil
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ValidationError

from hopyard.git.calls import Git
from hopyard.git.faults import GitFault
from hopyard.git.trees import empty_tree
from hopyard.git.working import Work, look
from hopyard.protocol.git import Data, Outcome, Reason, State

REF = "refs/hopyard/save"
MARK = "hopyard-saved"
"""A file beside the save: what the copy was like when it was made."""
LOCAL = {"protocol.file.allow": "always"}
SETTINGS = {"gc.auto": "2000", "gc.autoPackLimit": "20", "gc.autoDetach": "false"}


class Note(BaseModel, extra="ignore"):
    """What a save's message says."""

    branch: str
    head: str
    index: str
    """The tree of the index; empty while there are conflicts in it."""
    stashes: list[str] = []


def save(git: Git) -> Outcome:
    """Save the copy, if it changed since the last time (see `Job.SAVE`)."""
    place = Path(git.request.save)
    work = look(git)
    stashes = git.word("rev-list", "-g", "refs/stash").split()
    lines = git.run("for-each-ref", "--format=%(refname) %(objectname)").text.splitlines()
    refs = [line for line in lines if not line.startswith(f"{REF} ")]
    state = "\n".join([work.tree, work.index, work.branch, work.head, *stashes, *refs])
    mark = hashlib.sha256(state.encode()).hexdigest()
    if _marked(place) == mark:
        return Outcome(state=State.DONE, sentence="Nothing changed since the last save.")
    _record(git, work, stashes)
    git.step("Saving")
    there = git.at(place)
    place.mkdir(parents=True, exist_ok=True)
    there.run("init", "-q", "--template=")
    there.run("config", "core.bare", "true")  # or no branch could be sent that HEAD is on
    (place / MARK).unlink(missing_ok=True)
    words = ["push", "-q", "--mirror", "--atomic", "--no-verify", "--no-signed"]
    git.run(*words, "--no-recurse-submodules", "--", str(there.dir), extra=LOCAL)
    (place / MARK).write_text(mark)
    # What older saves had is thrown away when there is enough of it.
    there.run("gc", "--auto", "--quiet", "--prune=now", extra=SETTINGS, codes=(0, 1, 128))
    sentence = "Saved in the project's storage."
    if work.left_out:
        few = ", ".join(work.left_out[:3])
        sentence += f" Not in it (too large or not readable): {few}."
    return Outcome(state=State.DONE, sentence=sentence, data=Data(saved=True))


def _marked(place: Path) -> str:
    try:
        return (place / MARK).read_text()
    except OSError:
        return ""


def _record(git: Git, work: Work, stashes: list[str]) -> None:
    parents = [work.head] if work.head else []
    if work.index:
        base = ["-p", work.head] if work.head else []
        parents.append(git.run("commit-tree", work.index, *base, "-m", "Index").text)
    note = Note(branch=work.branch, head=work.head, index=work.index, stashes=stashes)
    words = ["-m", "Save", "-m", note.model_dump_json()]
    for parent in dict.fromkeys([*parents, *stashes]):
        words += ["-p", parent]
    git.run("update-ref", REF, git.run("commit-tree", work.tree, *words).text)


def bring_back(git: Git, folder: Path) -> str:
    """Make a lost working copy again from its save.

    Args:
        git: of the copy that is to be.
        folder: an empty folder to make it in; the caller gives it the copy's name.

    Returns:
        When the save was made; empty where there is none that can be read, which is then put aside.
    """
    place = Path(git.request.save) if git.request.save else None
    if place is None or not (place / ".git" / "HEAD").exists():
        return ""
    new = git.at(folder)
    try:
        new.step("Bringing back the working copy")
        return _bring_back(new, place)
    except (GitFault, ValidationError) as fault:
        if isinstance(fault, GitFault) and fault.reason in (Reason.DISK_FULL, Reason.TIMEOUT):
            raise  # the save itself is whole
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        place.rename(place.with_name(f"{place.name}.damaged-{stamp}"))
        shutil.rmtree(folder)
        folder.mkdir(mode=0o700)
        return ""


def _bring_back(git: Git, place: Path) -> str:
    git.run("init", "-q", "--template=")
    words = ["fetch", "-q", "--update-head-ok", "--no-tags", "--no-write-fetch-head"]
    words += ["--no-auto-gc", "--no-recurse-submodules", "--", str(place / ".git")]
    git.run(*words, "+refs/*:refs/*", extra=LOCAL)
    note = Note.model_validate_json(git.run("show", "-s", "--format=%b", REF).text)
    made = git.run("show", "-s", "--format=%cd", "--date=format-local:%Y-%m-%d %H:%M", REF).text
    if note.branch:
        git.run("symbolic-ref", "HEAD", f"refs/heads/{note.branch}")
    else:
        git.run("update-ref", "--no-deref", "HEAD", note.head)
    git.run("read-tree", f"{REF}^{{tree}}")
    git.run("checkout-index", "-a", "-f", "-q")
    git.run("read-tree", note.index or (note.head or empty_tree(git)))
    git.run("update-index", "-q", "--refresh", codes=(0, 1))
    git.word("update-ref", "-d", "refs/stash")
    for stash in reversed(note.stashes):
        said = git.word("show", "-s", "--format=%s", stash)
        git.run("stash", "store", "-q", "-m", said, stash)
    return made
