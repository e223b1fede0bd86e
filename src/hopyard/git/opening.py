"""Open: a working copy that is there, whole, and on its head branch, whatever happened before."""

from __future__ import annotations

import secrets
import shutil
from datetime import UTC, datetime
from pathlib import Path

from hopyard.git.calls import Git
from hopyard.git.faults import GitFault
from hopyard.git.moving import finish
from hopyard.git.pulling import branches, fetch, missing, pull, tip
from hopyard.git.rescues import waiting
from hopyard.git.saving import bring_back
from hopyard.git.working import OWN, look, position
from hopyard.protocol.git import Data, Outcome, Reason, State, WorkingCopy

NEVER_COMMITTED = ".ipynb_checkpoints/\n"
"""What JupyterLab writes beside each notebook; a line of the copy's own `info/exclude`."""
SCRAPS = ("**/*.lock", "objects/pack/tmp_*", "objects/**/tmp_obj_*", f"{OWN}/index-*")


def open_copy(git: Git, copy: WorkingCopy) -> Outcome:
    """Clone or repair, then pull (see `Job.OPEN`)."""
    for left in git.folder.parent.glob(f".{git.folder.name}.new-*"):
        shutil.rmtree(left, ignore_errors=True)
    aside = _put_aside(git) if git.folder.exists() and not _whole(git) else None
    saved = "" if git.folder.exists() else _bring_back(git)
    if not git.folder.exists():
        outcome = _clone(git, copy)
    else:
        repaired = _repair(git, copy)
        outcome = pull(git, copy, online=copy.pull_on_start or not tip(git, copy.head, here=True))
        if repaired and outcome.reason is None:
            words = f"An interrupted pull was finished. {outcome.sentence}"
            outcome = outcome.model_copy(update={"sentence": words})
    words = f"The working copy was damaged and is kept beside as {aside.name}. " if aside else ""
    if saved:
        words += f"The working copy was lost: it is here again as it was saved at {saved} UTC. "
    if not git.folder.exists():
        return outcome
    data = outcome.data.model_copy(update={"rescues": waiting(git)})
    outcome = outcome.model_copy(update={"data": data})
    if words:
        sentence = f"{words}{outcome.sentence}"
        state = State.FAILED if outcome.state is State.FAILED else State.ATTENTION
        outcome = outcome.model_copy(update={"sentence": sentence, "state": state})
    return outcome


def _whole(git: Git) -> bool:
    return bool(git.dir.exists() and git.word("rev-parse", "--git-dir"))


def _put_aside(git: Git) -> Path | None:
    if not any(git.folder.iterdir()):
        git.folder.rmdir()
        return None
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    return git.folder.rename(git.folder.with_name(f"{git.folder.name}.damaged-{stamp}"))


def _beside(git: Git) -> Path:
    """Make a folder beside, which gets the copy's name when it is whole."""
    folder = git.folder.with_name(f".{git.folder.name}.new-{secrets.token_hex(4)}")
    folder.mkdir(mode=0o700)
    return folder


def _bring_back(git: Git) -> str:
    """Make a lost copy again from its save; return when that was made, empty for none."""
    folder = _beside(git)
    try:
        if made := bring_back(git, folder):
            _exclude(folder / ".git")
            folder.rename(git.folder)
        return made
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _clone(git: Git, copy: WorkingCopy) -> Outcome:
    """Clone into a folder beside."""
    folder = _beside(git)
    new = git.at(folder)
    try:
        new.run("init", "-q", "--template=", f"--initial-branch={copy.head}")
        _configure(new, copy)
        _exclude(new.dir)
        new.step("Cloning")
        fetch(new)
        start = tip(new, copy.head) or tip(new, copy.base)
        if start:
            new.step("Writing files")
            new.run("update-ref", f"refs/heads/{copy.head}", start)
            new.run("reset", "-q", "--hard")
        elif branches(new):
            raise missing(new, copy)
        folder.rename(git.folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    if not start:
        return pull(git, copy, online=False)
    if copy.pull_on_start and tip(git, copy.base) != start:
        outcome = pull(git, copy, online=True)
        if outcome.reason is not None:
            return outcome
    work = look(git)
    return Outcome(
        state=State.DONE,
        sentence=f"Cloned; branch {copy.head} is checked out.",
        data=Data(position=position(git, work)),
    )


def _repair(git: Git, copy: WorkingCopy) -> bool:
    """Remove what a killed Git left behind, finish a move; tell whether there was one."""
    for pattern in SCRAPS:
        for left in git.dir.glob(pattern):
            if left.is_file() and not left.is_symlink():
                left.unlink(missing_ok=True)
    if not git.word("rev-parse", "--is-inside-work-tree"):
        raise GitFault(Reason.INTERNAL, "The working copy cannot be read.")
    index = git.dir / "index"
    if index.exists() and git.run("ls-files", "-z", codes=(0, 128)).code:
        # The index is a list of what is in the files and the commit: it can be made again.
        index.unlink()
        if git.word("rev-parse", "--verify", "-q", "HEAD"):
            git.run("read-tree", "HEAD")
    _configure(git, copy)
    return finish(git)


def _exclude(repository: Path) -> None:
    (repository / "info").mkdir(exist_ok=True)
    (repository / "info" / "exclude").write_text(NEVER_COMMITTED)


def _configure(git: Git, copy: WorkingCopy) -> None:
    """Write what the user's own Git in JupyterLab and the terminal needs."""
    wanted = {
        "remote.origin.url": git.remote.url,
        "remote.origin.fetch": "+refs/heads/*:refs/remotes/origin/*",
        f"branch.{copy.head}.remote": "origin",
        f"branch.{copy.head}.merge": f"refs/heads/{copy.head}",
        "user.name": copy.author.name,
        "user.email": copy.author.address,
    }
    for name, value in wanted.items():
        if git.word("config", "--local", "--get", name) != value:
            git.run("config", "--local", "--replace-all", name, value)
