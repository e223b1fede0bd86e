"""The server's branches, as it lists them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hopyard.git.calls import Git
from hopyard.git.faults import GitFault
from hopyard.protocol.git import Reason


@dataclass(frozen=True)
class Listed:
    """What a server has.

    Attributes:
        heads: each branch and its commit.
        default: the branch that HEAD is on; empty if there is none.
    """

    heads: dict[str, str]
    default: str


def ask(git: Git) -> Listed:
    """Ask the server.

    Raises:
        GitFault: it cannot be reached, does not permit it, or is no Git server.
    """
    git.step("Asking the server")
    words = ("ls-remote", "--symref", "--", git.remote.url, "HEAD", "refs/heads/*")
    result = git.online(*words)
    found = re.findall(r"^([0-9a-f]+)\trefs/heads/(.+)$", result.text, re.MULTILINE)
    if not found and "packet:" not in git.online(*words, traced=True).said:
        # Git takes any page for a repository without branches, of the old kind ("dumb").
        raise GitFault(
            Reason.SERVER,
            f"{git.host} does not answer as a Git server does: is the address right?",
        )
    heads = {name: commit for commit, name in found}
    head = re.search(r"^ref: refs/heads/(.+)\tHEAD$", result.text, re.MULTILINE)
    return Listed(heads, head[1] if head and head[1] in heads else "")
