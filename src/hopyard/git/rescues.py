"""Rescues: work that is kept aside, in refs of the working copy's own repository.

A rescue is a commit at `refs/hopyard/rescue/TIME`. Its tree are the files as they were; its parents
are HEAD, the index where that differs, and each local branch with commits that the server does not
have; its message says so as JSON.
"""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import BaseModel, ValidationError

from hopyard.git.calls import Git
from hopyard.git.faults import GitFault
from hopyard.git.moving import Move, finish, move
from hopyard.git.trees import Conflict, contains, merged, tree_of
from hopyard.git.working import Work, begun, look, position, unpushed
from hopyard.protocol.git import Data, Outcome, Reason, Rescue, State

REFS = "refs/hopyard/rescue/"
LOOKED_AT = 5
"""At a start: each costs some milliseconds."""
DIFF_MOST = 2**20


class Note(BaseModel, extra="ignore"):
    """What a rescue's message says."""

    branch: str
    head: str
    staged: bool
    commits: int
    files: int
    left_out: list[str] = []


def keep(git: Git, work: Work) -> str:
    """Keep work in a rescue.

    Returns:
        Its name; the newest one's where that holds the same; empty if there is nothing to keep.

    Raises:
        GitFault: the disk is full.
    """
    commits = unpushed(git)
    if not work.dirty and not commits:
        return ""
    parents = [work.head] if work.head else []
    if work.staged:
        base = ["-p", work.head] if work.head else []
        parents.append(git.run("commit-tree", work.staged, *base, "-m", "Index").text)
    heads = git.run("for-each-ref", "--format=%(objectname)", "refs/heads").text.split()
    parents += [one for one in heads if one not in parents and unpushed(git, one)]
    parents = list(dict.fromkeys(parents))
    newest = next(iter(_names(git)), "")
    if newest and _same(git, newest, work.tree, parents, work.staged):
        return newest
    note = Note(
        branch=work.branch,
        head=work.head,
        staged=bool(work.staged),
        commits=commits,
        files=len(work.files),
        left_out=work.left_out,
    )
    name = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    words = ["-m", f"Rescue of {name}", "-m", note.model_dump_json()]
    for parent in parents:
        words += ["-p", parent]
    safe = {"core.fsync": "committed"}
    commit = git.run("commit-tree", work.tree, *words, extra=safe).text
    git.run("update-ref", REFS + name, commit, "", extra=safe)
    return name


def _same(git: Git, name: str, tree: str, parents: list[str], staged: str) -> bool:
    found = git.run("rev-parse", f"{REFS}{name}^{{tree}}", f"{REFS}{name}^@").text.split()
    if found[0] != tree or len(found) != len(parents) + 1:
        return False
    pairs = zip(found[1:], parents, strict=True)
    return all(old == new or (staged and tree_of(git, old) == staged) for old, new in pairs)


def _names(git: Git) -> list[str]:
    """Return the names of all rescues, the newest first."""
    names = git.run("for-each-ref", "--sort=-refname", "--format=%(refname)", REFS).text
    return [ref.removeprefix(REFS) for ref in names.split()]


def _note(git: Git, name: str) -> Note:
    try:
        body = git.run("show", "-s", "--format=%b", REFS + name).text
        return Note.model_validate_json(body)
    except ValidationError:  # made by somebody else's hand
        return Note(branch="", head=f"{REFS}{name}^1", staged=False, commits=0, files=0)


def _known(git: Git, name: str) -> Note:
    if not name or name not in _names(git):
        raise GitFault(Reason.NO_RESCUE, "There is no such rescue: it was deleted.")
    return _note(git, name)


def snapshot(git: Git) -> Outcome:
    """Keep uncommitted changes and unpushed commits (see `Job.SNAPSHOT`)."""
    finish(git)
    work = look(git)
    name = keep(git, work)
    data = Data(rescue=name, position=position(git, work))
    sentence = "Everything is committed and pushed: nothing to keep."
    if name:
        sentence = f"Kept in a rescue: {_counted(_note(git, name))}."
        if work.left_out:
            sentence += f" Not in it (too large or not readable): {_few(work.left_out)}."
    return Outcome(state=State.DONE, sentence=sentence, data=data)


def listed(git: Git) -> Outcome:
    """List the rescues (see `Job.RESCUES`)."""
    work = look(git)
    rescues = []
    for name in _names(git):
        note = _of_today(git, name, _note(git, name))
        rescues.append(_shown(name, note, here=_is_here(git, name, note, work)))
    data = Data(rescues=rescues, position=position(git, work))
    return Outcome(state=State.DONE, sentence=f"{len(rescues)} rescues.", data=data)


def waiting(git: Git) -> list[Rescue]:
    """Return rescues whose work is not in the copy any more, among the newest ones."""
    work = look(git)
    found = []
    for name in _names(git)[:LOOKED_AT]:
        note = _note(git, name)
        if not _is_here(git, name, note, work):
            found.append(_shown(name, note, here=False))
    return found


def _shown(name: str, note: Note, *, here: bool) -> Rescue:
    known = note.model_dump(include={"branch", "commits", "files", "left_out"})
    return Rescue(name=name, here=here, **known)


def _commits(git: Git, name: str, note: Note) -> list[str]:
    """Return the commits of people that a rescue keeps."""
    parents = git.run("rev-parse", f"{REFS}{name}^@").text.split()
    if note.staged:
        del parents[1 if note.head else 0]
    return parents


def _of_today(git: Git, name: str, note: Note) -> Note:
    """Return a note with the commits that the server still does not have."""
    commits = _commits(git, name, note)
    left = unpushed(git, *commits) if commits else 0
    return note.model_copy(update={"commits": min(note.commits, left)})


def _is_here(git: Git, name: str, note: Note, work: Work) -> bool:
    heads = ["--branches", *([work.head] if work.head else [])]
    for commit in _commits(git, name, note):
        if git.run("rev-list", "--count", commit, "--not", *heads).text != "0":
            return False
    if not note.files:
        return True
    try:
        base, theirs = tree_of(git, note.head), tree_of(git, REFS + name)
        return merged(git, base, work.tree, theirs) == work.tree
    except Conflict:
        return False


def diff(git: Git, name: str) -> Outcome:
    """Show what a rescue holds: all that the server did not have (see `Job.DIFF`)."""
    note = _of_today(git, name, _known(git, name))
    ref = REFS + name
    remotes = git.run("for-each-ref", "--format=%(objectname)", "refs/remotes/origin").text.split()
    fork = ""
    if note.head and remotes:
        fork = git.run("merge-base", note.head, *remotes, codes=(0, 1)).text
    words = ["diff", "--no-ext-diff", "--no-textconv", "--no-color", "--find-renames"]
    result = git.run(*words, tree_of(git, fork), ref, "--", most=DIFF_MOST)
    text = git.scrub(result.out.decode(errors="replace"))
    data = Data(diff=text, diff_cut=result.cut)
    return Outcome(state=State.DONE, sentence=f"It holds {_counted(note)}.", data=data)


def forget(git: Git, name: str) -> Outcome:
    """Delete a rescue (see `Job.FORGET`)."""
    _known(git, name)
    git.run("update-ref", "-d", REFS + name)
    return Outcome(state=State.DONE, sentence="The rescue is deleted.")


def let_go(git: Git) -> None:
    """Delete rescues of commits alone that the server has by now, with no edits in them."""
    for name in _names(git):
        note = _note(git, name)
        parents = _commits(git, name, note)
        plain = note.head and not note.staged and not note.files and not note.left_out
        if plain and parents and not unpushed(git, *parents):
            git.run("update-ref", "-d", REFS + name)


def restore(git: Git, name: str) -> Outcome:
    """Bring a rescue back, never over newer work (see `Job.RESTORE`).

    Its uncommitted changes are merged into the files where that goes without a conflict; its
    commits are taken over where the branch has gone no other way since. Otherwise all of it is put
    on a branch of its own.
    """
    finish(git)
    note = _known(git, name)
    work = look(git)
    theirs = tree_of(git, REFS + name)
    try:
        what = _way_back(git, work, note, theirs)
    except Conflict as conflict:
        return _aside(git, name, theirs, note, conflict.files)
    if what is None or begun(git):
        return _aside(git, name, theirs, note, [])
    if work.dirty:
        keep(git, work)
    move(git, what)
    after = look(git)
    data = Data(rescue=name, position=position(git, after))
    return Outcome(
        state=State.DONE, sentence="The rescue is restored: its changes are here again.", data=data
    )


def _way_back(git: Git, work: Work, note: Note, theirs: str) -> Move | None:
    if not note.head or (work.head and contains(git, work.head, note.head)):
        base = tree_of(git, note.head)
        return Move(files_from=work.tree, files_to=merged(git, base, work.tree, theirs))
    ahead = not work.head or contains(git, note.head, work.head)
    if work.dirty or not work.branch or not ahead:
        return None
    return Move(
        files_from=work.tree,
        files_to=theirs,
        branch=work.branch,
        tip_from=work.head,
        tip_to=note.head,
    )


def _aside(git: Git, name: str, theirs: str, note: Note, files: list[str]) -> Outcome:
    tip = note.head
    if theirs != tree_of(git, tip):
        parent = ["-p", tip] if tip else []
        tip = git.run("commit-tree", theirs, *parent, "-m", f"Rescued changes of {name}").text
    branch = f"rescue/{name}"
    git.run("update-ref", f"refs/heads/{branch}", tip)
    return Outcome(
        state=State.ATTENTION,
        reason=Reason.CONFLICT,
        sentence=f"There is newer work here, so nothing was changed: the rescue is on the branch "
        f"{branch}. Merge it in JupyterLab or with “git merge {branch}”.",
        data=Data(rescue=name, conflicts=files),
    )


def _counted(note: Note) -> str:
    parts = [
        f"{number} {word}{'' if number == 1 else 's'}"
        for number, word in ((note.commits, "unpushed commit"), (note.files, "changed file"))
        if number
    ]
    return " and ".join(parts) or "staged changes"


def _few(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
