"""What Git and servers say when something fails, and what we say to people.

Git has one exit code for most of it, so its English is read (`LC_ALL=C`, see `calls.py`). GitHub,
GitLab and Gitea answer 404 where a key may not see a repository, and decline pushes by a hook.
"""

from __future__ import annotations

import re

from hopyard.protocol.git import Data, Outcome, Reason, State

QUOTE_MOST = 300


class GitFault(Exception):
    """A job cannot go on.

    Args:
        reason: the kind.
        sentence: for people, without secrets.
        conflicts: the files that both sides changed.
    """

    def __init__(self, reason: Reason, sentence: str, conflicts: list[str] | None = None) -> None:
        super().__init__(sentence)
        self.reason = reason
        self.sentence = sentence
        self.conflicts = conflicts or []

    def outcome(self, state: State = State.FAILED) -> Outcome:
        """Return it as the end of a job."""
        data = Data(conflicts=self.conflicts)
        return Outcome(state=state, sentence=self.sentence, reason=self.reason, data=data)


_R = Reason
_SIGNS: tuple[tuple[str, Reason, str], ...] = (
    (r"No space left on device|Disk quota exceeded", _R.DISK_FULL, "The disk is full."),
    (
        r"could not read (Username|Password)|credential helper .* told us to quit",
        _R.UNAUTHORISED,
        "{host} asks for an API key.",
    ),
    (
        r"Authentication failed|returned error: 401|HTTP Basic: Access denied",
        _R.UNAUTHORISED,
        "{host} does not accept the API key: it is wrong, revoked or has expired.",
    ),
    (
        r"returned error: 403",
        _R.FORBIDDEN,
        "{host} knows the API key, but does not permit this with it.",
    ),
    (
        r"returned error: 404|repository '.*' not found|remote: Repository not found",
        _R.NOT_FOUND,
        "{host} has no such repository, or the API key may not see it.",
    ),
    (
        r"returned error: 30\d|unable to update url base from redirection",
        _R.REDIRECTED,
        "{host} sends on to another address, which is not followed: enter the address itself.",
    ),
    (r"returned error: 429", _R.SERVER, "{host} asks to wait: too many requests."),
    (r"returned error: 5\d\d", _R.SERVER, "{host} has a fault of its own: try again later."),
    (
        r"SSL certificate|certificate verif|server verification failed|gnutls_handshake",
        _R.CERTIFICATE,
        "The certificate of {host} is not valid, or not by an authority that is trusted here.",
    ),
    (
        r"Could not resolve host|Failed to connect|Connection refused|Couldn't connect|"
        r"Connection timed out|No route to host|Network is unreachable",
        _R.OFFLINE,
        "{host} cannot be reached.",
    ),
    (
        r"curl 28|Operation too slow|less than \d+ bytes/sec|timed out",
        _R.TIMEOUT,
        "{host} answers too slowly: the transfer was given up.",
    ),
    (
        r"early EOF|unexpected disconnect|hung up unexpectedly|RPC failed|Recv failure|"
        r"transfer closed|Empty reply|invalid index-pack|index-pack failed|Send failure|"
        r"Connection reset|unpack-objects|pack has bad object|expected .* (packet|flush)|"
        r"SSL_(read|write)|GnuTLS recv error|unexpected eof|the remote end hung up",
        _R.CUT,
        "The connection to {host} was cut, or stood still.",
    ),
    (
        r"http-push failed|Cannot access URL|No refs in common|"
        r"not valid: is this a git repository|invalid server response|protocol error|"
        r"bad line length|unknown object format|mismatched algorithms",
        _R.SERVER,
        "{host} does not answer as a Git server does: is the address right?",
    ),
    (r"\.lock': File exists", _R.BUSY, "Another Git command works on this copy: try again."),
    (
        r"would be overwritten|not uptodate",
        _R.UNCOMMITTED,
        "Files in the working copy are in the way.",
    ),
)


def read(said: str, host: str) -> GitFault:
    """Return what Git's words on standard error mean.

    Args:
        said: the words, without secrets.
        host: of the server.
    """
    for sign, reason, sentence in _SIGNS:
        if re.search(sign, said, re.IGNORECASE):
            return GitFault(reason, sentence.format(host=host))
    lines = [line for line in said.splitlines() if line.startswith(("fatal:", "error:"))]
    quoted = (lines or said.splitlines() or ["no reason given"])[-1][:QUOTE_MOST]
    return GitFault(Reason.INTERNAL, f"Git could not do it ({quoted.strip()}).")


def rejected(summary: str, said: str, host: str, branch: str) -> GitFault:
    """Return why a server did not take a push.

    Args:
        summary: Git's reason behind the branch (`--porcelain`).
        said: the whole of standard error, with the server's own words ("remote: …").
        host: of the server.
        branch: that was pushed.
    """
    words = [line[7:].strip() for line in said.splitlines() if line.startswith("remote:")]
    quoted = " ".join(word for word in words if word)[:QUOTE_MOST]
    if re.search(r"non-fast-forward|fetch first|stale info|needs force", summary):
        return GitFault(
            Reason.DIVERGED,
            f"Branch {branch} has commits on {host} that are not here. Nothing was overwritten: "
            "the next start pulls them, then push again.",
        )
    if re.search(r"protected|GH006|not allowed to push", f"{summary} {quoted}", re.IGNORECASE):
        return GitFault(
            Reason.PROTECTED,
            f"Branch {branch} is protected on {host}: choose another head branch. "
            "The commits stay here.",
        )
    return GitFault(
        Reason.REJECTED,
        f"{host} does not take the push to {branch} ({quoted or summary}). The commits stay here.",
    )
