"""A member of a real platform who works in a repository, and what must never be lost there."""

from __future__ import annotations

import contextlib
import json
import secrets
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.git_server import GitServer, Keep, all_to_its_owner, git
from tests.platform import Hopyard, until

KEY = "glpat-the-key-of-the-platforms-test"
FILES: dict[str, bytes | None] = {
    "a.txt": b"one\ntwo\n",
    "n.ipynb": b'{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}\n',
    ".gitignore": b"*.tmp\n",
}
EDITS = {
    "a.txt": b"one\ntwo\nthree, not committed\n",
    "new folder/neu \xf0\x9f\x8d\xba.txt".encode("latin-1").decode(): b"not tracked\n",
    "staged.txt": b"staged, then changed again\n",
}
STAGED = b"staged\n"
COMMITTED = b"committed, not pushed\n"


def reachable(server: GitServer) -> dict[str, str]:
    """Return the settings with which a platform may reach the Git server."""
    return {
        "HOPYARD_GIT__INTERNAL_HOSTS": json.dumps([server.host]),
        "HOPYARD_GIT__CA_FILE": str(server.ca),
    }


@dataclass
class Work:
    """A member with a repository, and what they did in it."""

    hopyard: Hopyard
    keep: Keep
    name: str
    """Of the user, the project and the repository."""
    commit: str = ""
    copies: Path | None = None
    """The folder of all working copies, if another than usual."""
    put_aside: Path | None = None
    """Where this member's copies of a deleted project are."""

    @property
    def storage(self) -> Path:
        copies = self.copies or self.hopyard.data_dir / "repositories"
        return self.put_aside or copies / self.name / self.name

    @property
    def log(self) -> str:
        """All that the server's logs say."""
        logs = self.hopyard.settings.user_logs(self.name, self.name) / "jupyter"
        return "".join(one.read_text() for one in sorted(logs.glob("*.log")))

    @property
    def folder(self) -> Path:
        (found,) = self.storage.glob("*/.git")
        return found.parent

    async def ask(self, method: str, path: str, **arguments: Any) -> Any:
        answer = await self.hopyard.api(
            self.name, method, f"projects/{self.name}/{path}", **arguments
        )
        assert answer.status_code < 300, answer.text
        return answer.json()

    async def start(self) -> None:
        await self.hopyard.start_server(self.name, self.name)

    async def stop(self) -> None:
        await self.hopyard.stop_server(self.name, self.name)

    def processes(self) -> list[psutil.Process]:
        """The Jupyter server's own processes, without those around it."""
        url = f"/user/{self.name}/{self.name}/"
        return [
            one
            for one in self.hopyard.running("-m hopyard.notebook")
            if one.name() != "bwrap" and one.environ()["JUPYTERHUB_SERVICE_PREFIX"] == url
        ]

    def work(self) -> None:
        """Commit, and leave uncommitted changes of each kind: tracked, new, staged."""
        (self.folder / "mine.txt").write_bytes(COMMITTED)
        git(self.folder, "add", "mine.txt")
        git(self.folder, "commit", "-qm", "Mine")
        self.commit = git(self.folder, "rev-parse", "HEAD")
        (self.folder / "staged.txt").write_bytes(STAGED)
        git(self.folder, "add", "staged.txt")
        for name, content in EDITS.items():
            (self.folder / name).parent.mkdir(exist_ok=True)
            (self.folder / name).write_bytes(content)
        all_to_its_owner(self.folder)

    def all_there(self) -> None:
        """Compare contents: files, what is staged, and the commit."""
        for name, content in EDITS.items():
            assert (self.folder / name).read_bytes() == content, name
        assert git(self.folder, "show", ":staged.txt").encode() == STAGED.strip()
        assert git(self.folder, "show", "HEAD:mine.txt").encode() == COMMITTED.strip()
        assert git(self.folder, "rev-parse", "HEAD") == self.commit

    async def rescue(self) -> str:
        """Return the name of the newest rescue, after comparing what it holds."""
        rescues = (await self.ask("GET", "repository/rescues"))["data"]["rescues"]
        assert rescues, "nothing was rescued"
        name = str(rescues[0]["name"])
        assert (rescues[0]["files"], rescues[0]["here"]) == (len(EDITS), True)
        ref = f"refs/hopyard/rescue/{name}"
        for file, content in EDITS.items():
            assert self._show(f"{ref}:{file}") == content, file
        assert self._show(f"{ref}:mine.txt") == COMMITTED
        assert self.commit in git(self.folder, "rev-list", ref).split()
        assert STAGED in [self._show(f"{one}:staged.txt") for one in self._parents(ref)]
        return name

    def _show(self, what: str) -> bytes:
        words = ["git", "-c", "safe.directory=*", "cat-file", "blob", what]
        return subprocess.run(words, cwd=self.folder, capture_output=True, timeout=60).stdout

    def _parents(self, ref: str) -> list[str]:
        return git(self.folder, "rev-parse", f"{ref}^@").split()

    async def said(self) -> str:
        """What the page says of the last work on the copy."""
        last = await self.ask("GET", "repository/last")
        return str(last["outcome"]["sentence"])

    async def state(self) -> str:
        return str((await self.ask("GET", "jupyter/server"))["state"])

    async def until_state(self, *states: str) -> None:
        async def reached() -> bool:
            return await self.state() in states

        await until(f"the server is {states}", reached, 90)

    async def thrown_away_and_restored(self, name: str) -> None:
        """Lose the uncommitted changes, see them offered, and take the offer."""
        git(self.folder, "reset", "-q", "--hard")
        git(self.folder, "clean", "-qfd")
        offered = (await self.ask("GET", "repository/rescues"))["data"]["rescues"]
        assert [one["name"] for one in offered if not one["here"]] == [name]
        shown = await self.ask("GET", f"repository/rescues/{name}")
        assert "+three, not committed" in shown["data"]["diff"]
        assert (await self.ask("POST", f"repository/rescues/{name}/restore"))["state"] == "done"
        for file, content in EDITS.items():
            assert (self.folder / file).read_bytes() == content, file


async def member(hopyard: Hopyard, server: GitServer, name: str, **chosen: Any) -> Work:
    """Make a member with a project, a key and a repository chosen, all of a new name."""
    name = f"{name}-{secrets.token_hex(2)}"
    keep = server.make(name, KEY, FILES)
    await hopyard.add_user(name)
    for method, path, body in (
        ("POST", "projects", {"name": name}),
        ("PUT", "secrets/git-key", {"value": KEY}),
        (
            "PUT",
            f"projects/{name}/repository/settings",
            {"provider": "git", "url": server.url(name), "secret": "git-key", **chosen},
        ),
    ):
        answer = await hopyard.api(name, method, path, json=body)
        assert answer.status_code < 300, answer.text
    return Work(hopyard, keep, name)


async def hub_again(hopyard: Hopyard, old: int) -> None:
    """Wait until another Hub has taken the place of a killed one."""

    async def back() -> bool:
        return hopyard.pids().get("hub", old) != old

    await until("the hub was started again", back, 60)

    async def answers() -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return (await hopyard.hub("GET", "")).status_code == 200
        return False

    await until("the hub answers", answers, 60)
