"""Push to the head branch: never forced; whatever fails, the commits stay."""

from __future__ import annotations

import re

from hopyard.git.calls import Git
from hopyard.git.faults import GitFault, read, rejected
from hopyard.git.pulling import tip
from hopyard.git.rescues import let_go
from hopyard.git.working import look, position, unpushed
from hopyard.protocol.git import Data, Outcome, State, WorkingCopy

_LINE = re.compile(r"^([ +*=!-])\t[^\t]*\t(.*)$", re.MULTILINE)


def push(git: Git, copy: WorkingCopy) -> Outcome:
    """Push to head, making it when it is new (see `Job.PUSH`)."""
    ref = f"refs/heads/{copy.head}"
    commit = tip(git, copy.head, here=True)
    sentence = "Nothing was committed yet: nothing to push."
    if commit:
        git.step("Pushing")
        sentence = _push(git, copy, ref, commit)
    where = position(git, look(git))
    if where.branch and where.branch != copy.head and unpushed(git, f"refs/heads/{where.branch}"):
        sentence += f" Commits on the branch {where.branch}, which is checked out, are not pushed."
    return Outcome(state=State.DONE, sentence=sentence, data=Data(position=where))


def _push(git: Git, copy: WorkingCopy, ref: str, commit: str) -> str:
    words = ["push", "--porcelain", "--progress", "--no-force", "--no-follow-tags", "--no-verify"]
    words += ["--no-signed", "--no-recurse-submodules", "--", git.remote.url, f"{commit}:{ref}"]
    result = git.online(*words, codes=tuple(range(256)))
    found = _LINE.search(result.out.decode(errors="replace"))
    if found is None or (result.code and found[1] != "!"):
        raise _kept(read(result.said, git.host))
    flag, summary = found[1], found[2]
    if flag == "!":
        if "remote failure" in summary or "failed to report" in summary:
            raise _kept(read(f"{result.said}\nRPC failed", git.host))
        raise rejected(summary, result.said, git.host, copy.head)
    git.run("update-ref", "-m", "hopyard: push", f"refs/remotes/origin/{copy.head}", commit)
    let_go(git)
    if flag == "=":
        return f"Branch {copy.head} on {git.host} has everything: nothing to push."
    made = " (a new branch)" if flag == "*" else ""
    return f"Pushed to branch {copy.head}{made} on {git.host}."


def _kept(fault: GitFault) -> GitFault:
    return GitFault(fault.reason, f"{fault.sentence} Nothing is lost: the commits stay here.")
