"""Asking the server: its branches, and what an API key may do there."""

from __future__ import annotations

import secrets

from hopyard.git.calls import Git
from hopyard.git.faults import GitFault
from hopyard.git.listing import ask
from hopyard.git.trees import empty_tree
from hopyard.protocol.git import Data, Outcome, Reason, State, WorkingCopy

SHOWN = 1000


def branches(git: Git) -> Outcome:
    """Ask for the branches and the default one (see `Job.BRANCHES`)."""
    data = _ask(git)
    count = len(data.branches)
    sentence = f"{count} branch{'' if count == 1 else 'es'}; {data.default_branch} is the default."
    if data.empty:
        sentence = "The repository is empty: the first push makes the first branch."
    return Outcome(state=State.DONE, sentence=sentence, data=data)


def _ask(git: Git) -> Data:
    git.run("init", "-q", "--template=")
    listed = ask(git)
    names = list(listed.heads)
    return Data(branches=names[:SHOWN], default_branch=listed.default, empty=not names)


def check(git: Git, copy: WorkingCopy | None) -> Outcome:
    """Try address, key and branches, and what the key may do (see `Job.CHECK`)."""
    data = _ask(git)
    try:
        data.may_push = _may_push(git)
    except GitFault as fault:
        if fault.reason not in (Reason.FORBIDDEN, Reason.NOT_FOUND, Reason.UNAUTHORISED):
            raise
        data.may_push = False
    if copy and not data.empty and copy.base not in data.branches:
        known = ", ".join(data.branches[:5])
        return Outcome(
            state=State.ATTENTION,
            reason=Reason.NO_BRANCH,
            sentence=f"The server has no branch {copy.base}; it has {known}.",
            data=data,
        )
    if not data.may_push:
        return Outcome(
            state=State.ATTENTION,
            reason=Reason.FORBIDDEN,
            sentence="The API key may read the repository, but not push to it.",
            data=data,
        )
    made = ""
    if copy and copy.head not in data.branches:
        made = f" The first push makes the branch {copy.head}."
    return Outcome(
        state=State.DONE, sentence=f"All is well: the API key may read and push.{made}", data=data
    )


def _may_push(git: Git) -> bool:
    """Do all of a push but sending it: servers check the key when the push begins."""
    commit = git.run("commit-tree", empty_tree(git), "-m", "A trial that is never sent").text
    ref = f"refs/heads/hopyard-trial-{secrets.token_hex(4)}"
    git.online("push", "--dry-run", "--no-verify", "--", git.remote.url, f"{commit}:{ref}")
    return True
