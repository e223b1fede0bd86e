"""Working copies on a temporary Git server, and what must never be lost in them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from pydantic import SecretStr

from hopyard.git.__main__ import run
from hopyard.protocol.git import (
    ANSWERS,
    Author,
    Job,
    Outcome,
    Progress,
    Provider,
    Remote,
    Request,
    Rules,
    WorkingCopy,
)
from tests.git_server import GitServer, Keep, git

KEY = "ghp_T0PsecretKEYofThisTest"
AUTHOR = Author(name="Ada Lovelace", address="ada@example.org")


def notebook(*cells: str) -> bytes:
    """Return a notebook's file."""
    made = [
        {"cell_type": "code", "execution_count": None, "id": f"c{number}", "metadata": {},
         "outputs": [], "source": [text]}
        for number, text in enumerate(cells)
    ]  # fmt: skip
    whole = {"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, indent=1).encode() + b"\n"


FILES: dict[str, bytes | None] = {
    "a.txt": b"one\ntwo\nthree\n",
    "n.ipynb": notebook("1 + 1", "2 + 2", "3 + 3", "4 + 4"),
    "folder/größe 🍺.txt": "Maß\n".encode(),
    ".gitignore": b"*.tmp\n",
}


@dataclass
class Copy:
    """One working copy, its remote, and the work that was done in it."""

    server: GitServer
    keep: Keep
    request: Request
    files: dict[str, bytes] = field(default_factory=dict)
    """Uncommitted work: what must be in the folder, or in a rescue and a branch."""
    commits: list[str] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        assert self.request.working_copy
        return Path(self.request.working_copy.folder)

    def choose(self, **fields: object) -> None:
        """Change what the user chose: of the copy, the remote, the rules, or the request."""
        request = self.request
        for name, value in fields.items():
            if name in WorkingCopy.model_fields:
                assert request.working_copy
                copy = request.working_copy.model_copy(update={name: value})
                request = request.model_copy(update={"working_copy": copy})
            elif name in Rules.model_fields:
                rules = request.rules.model_copy(update={name: value})
                request = request.model_copy(update={"rules": rules})
            elif name == "url":
                remote = Remote(provider=Provider.GIT, url=str(value))
                request = request.model_copy(update={"remote": remote})
            else:
                request = request.model_copy(update={name: value})
        self.request = request

    def do(self, job: Job, rescue: str = "", steps: list[Progress] | None = None) -> Outcome:
        """Run a job in this process."""
        request = self.request.model_copy(update={"job": job, "rescue": rescue})
        outcome = run(request, [].append if steps is None else steps.append)
        assert KEY not in outcome.model_dump_json()
        return outcome

    def write(self, name: str, content: bytes) -> None:
        """Edit a file, as the user; the change must not be lost."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        self.files[name] = content

    def commit(self, name: str, content: bytes) -> str:
        """Edit and commit, as the user."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        git(self.folder, "add", "--", name)
        git(self.folder, "commit", "-q", "-m", f"Edit {name}", "--", name)
        self.commits.append(git(self.folder, "rev-parse", "HEAD"))
        return self.commits[-1]

    def index(self) -> bytes:
        return (self.folder / ".git" / "index").read_bytes()

    def head(self) -> str:
        return git(self.folder, "rev-parse", "HEAD")

    # --- what must hold --------------------------------------------------------------------------

    def nothing_lost(self) -> None:
        """Compare contents: every edit is in its file, every commit's change is on a branch."""
        for name, content in self.files.items():
            assert (self.folder / name).read_bytes() == content, name
        if self.commits:
            patches = self._patches("--branches", *self._head())
            for commit in self.commits:
                assert self._patches(commit, "--no-walk") <= patches, commit
        git(self.folder, "fsck", "--connectivity-only", "--no-dangling")

    def _head(self) -> list[str]:
        return git(self.folder, "rev-parse", "-q", "--verify", "HEAD", codes=(0, 1)).split()

    def _patches(self, *what: str) -> set[str]:
        """Return the numbers of patches: a rebased commit has the same as before."""
        text = git(self.folder, "log", "-p", "--no-merges", *what)
        return {line.split()[0] for line in git(self.folder, "patch-id", "--stable",
                feed=text.encode()).splitlines()}  # fmt: skip

    def arrives(self) -> None:
        """Once all is well again: open, push, and find the committed files on the server."""
        assert self.request.working_copy
        opened = self.do(Job.OPEN)
        assert opened.state != "failed", opened
        self.nothing_lost()
        pushed = self.do(Job.PUSH)
        assert pushed.state == "done", pushed
        head = self.request.working_copy.head
        assert self.keep.tip(head) == git(self.folder, "rev-parse", f"refs/heads/{head}")


class Copies:
    """Makes copies quickly: clones once, and copies folders."""

    def __init__(self, server: GitServer, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.server.make("template", KEY, FILES)
        self._template = self.empty("template")
        outcome = self._template.do(Job.OPEN)
        assert outcome.state == "done", outcome

    def empty(self, name: str, **fields: object) -> Copy:
        """Return a copy that is not cloned yet, of a repository that is on the server."""
        url = self.server.url(name.replace(" ", "%20"))
        remote = Remote(provider=Provider.GIT, url=url)
        copy = WorkingCopy(
            folder=str(self.folder / name / remote.folder), base="main", head="main", author=AUTHOR
        )
        rules = Rules(
            internal_hosts=frozenset({self.server.host}),
            ca_file=str(self.server.ca),
            stall_seconds=1,
            file_most=2**20,
        )
        request = Request(
            job=Job.OPEN,
            remote=remote,
            rules=rules,
            key=SecretStr(KEY),
            working_copy=copy,
            seconds=60,
        )
        made = Copy(self.server, self.server.repositories[name], request)
        made.choose(**fields)
        return made

    def cloned(self, name: str, **fields: object) -> Copy:
        """Return a cloned copy of a repository of its own, with `FILES`."""
        folder = self.server.folder / "repositories"
        shutil.copytree(folder / "template.git", folder / f"{name}.git")
        self.server.take(name, KEY)
        copy = self.empty(name, **fields)
        shutil.copytree(self._template.folder, copy.folder, symlinks=True)
        git(copy.folder, "update-index", "-q", "--refresh")
        return copy

    def worked(self, name: str, **fields: object) -> Copy:
        """Return a copy with a commit that is not pushed, and uncommitted work of each kind."""
        copy = self.cloned(name, **fields)
        copy.commit("mine.txt", b"a commit of mine\n")
        copy.write("n.ipynb", notebook("1 + 1", "2 + 2", "3 + 3", "4 + 4 # mine"))
        copy.write("new folder/neu 🍺.txt", b"neu\n")
        copy.write("ignored.tmp", b"ignored\n")
        return copy


def process(request: Request, output: Path) -> subprocess.Popen[bytes]:
    """Start the engine as a process of its own, as the platform does."""
    with output.open("wb") as stream:
        started = subprocess.Popen(
            [sys.executable, "-m", "hopyard.git"],
            stdin=subprocess.PIPE,
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
    assert started.stdin
    started.stdin.write(request.wire())
    started.stdin.close()
    return started


def kill(started: subprocess.Popen[bytes]) -> None:
    """Kill an engine and every Git that it runs at once with -9."""
    try:
        family = [psutil.Process(started.pid)]
        family += family[0].children(recursive=True)
    except psutil.NoSuchProcess:
        family = []
    for one in family:
        try:
            one.kill()
        except psutil.NoSuchProcess:
            continue
    started.wait(10)
    psutil.wait_procs(family[1:], timeout=10)


def answers(output: Path) -> list[Progress | Outcome]:
    """Read what an engine wrote."""
    return [ANSWERS.validate_json(line) for line in output.read_bytes().splitlines()]


def until(what: str, true: object, seconds: float = 30.0) -> None:
    """Wait for something to be true."""
    assert callable(true)
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.002)
