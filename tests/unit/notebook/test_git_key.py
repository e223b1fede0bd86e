"""The key of the project's repository: who gets it and who does not; Git's configuration."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hopyard.errors import NotFound
from hopyard.notebook.git.configuration import Repository, variables
from hopyard.notebook.git.key import answer, is_for, serve

KEY = "glpat-the-key-itself"
HERE = Repository(url="https://git.example:8443/team/a%20b.git", username="oauth2", secret="mine")
ASKED = {"protocol": "https", "host": "git.example:8443", "path": "team/a b.git"}


def no_secret(name: str) -> str:
    raise NotFound(f"There is no secret {name!r} that you may use.")


@pytest.mark.parametrize(
    "other",
    [
        {"host": "git.example"},
        {"host": "git.example:8443.evil.example"},
        {"host": "evil.example"},
        {"protocol": "http"},
        {"path": "team/a"},
        {"path": "team/a b.git/other"},
        {"path": "team/a b.git/../other"},
        {"path": ""},
    ],
)
def test_other_address_gets_nothing(other):
    assert is_for(HERE, ASKED)
    assert answer(HERE, ASKED | other, lambda name: KEY) == {}


def test_key_is_given_for_the_repository_and_its_large_files():
    told = {"username": "oauth2", "password": KEY}
    assert answer(HERE, ASKED, lambda name: f"{KEY}\n") == told
    large = {"path": "team/a b.git/info/lfs", "host": "GIT.example:8443"}
    assert answer(HERE, ASKED | large, lambda name: KEY) == told


def test_secret_that_is_gone_or_no_key_is_a_fault():
    assert "There is no secret 'mine'" in answer(HERE, ASKED, no_secret)["fault"]
    several = answer(HERE, ASKED, lambda name: "one\ntwo")["fault"]
    assert "several lines" in several and "one" not in several


@contextlib.asynccontextmanager
async def listening(secret) -> AsyncIterator[dict[str, str]]:
    """The key's socket, and the environment that Git gets."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "git-key"
        server = await serve(HERE, place, secret)
        who = {"HOPYARD_USER_NAME": "ann", "HOPYARD_USER_EMAIL": "ann@example.org"}
        git = variables(who, HERE, place)
        assert KEY not in str(git)
        yield {"PATH": os.environ["PATH"], "HOME": folder, **git}
        server.close()


async def git(environment: dict[str, str], *words: str, given: str = "") -> tuple[int, str, str]:
    done = await asyncio.to_thread(
        subprocess.run,
        ["git", *words],
        env=environment,
        cwd=environment["HOME"],
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


async def test_git_is_given_the_key_for_this_path_only():
    async with listening(lambda name: KEY) as environment:
        url = "url=https://git.example:8443/team/a%20b.git\n\n"
        code, out, _ = await git(environment, "credential", "fill", given=url)
        assert code == 0
        assert f"username=oauth2\npassword={KEY}\n" in out
        for other in ("team/other.git", "team"):
            silent = environment | {"GIT_TERMINAL_PROMPT": "0"}
            url = f"url=https://git.example:8443/{other}\n\n"
            code, out, error = await git(silent, "credential", "fill", given=url)
            assert code != 0
            assert KEY not in out + error


async def test_git_fails_at_once_and_says_why_where_there_is_no_key():
    async with listening(no_secret) as environment:
        url = "url=https://git.example:8443/team/a%20b.git\n\n"
        code, out, error = await git(environment, "credential", "fill", given=url)
        assert code != 0
        assert "There is no secret 'mine'" in error
        assert "password" not in out


async def test_members_own_helper_is_not_told_the_key():
    async with listening(lambda name: KEY) as environment:
        stolen = Path(environment["HOME"]) / "stolen"
        own = f"!cat >> {stolen}; echo"
        await git(environment, "config", "--global", "credential.helper", own)
        url = "https://git.example:8443/team/a%20b.git"
        await git(environment, "credential", "fill", given=f"url={url}\n\n")
        approved = f"url={url}\nusername=oauth2\npassword={KEY}\n\n"
        await git(environment, "credential", "approve", given=approved)
        assert not stolen.exists()


async def test_commits_are_by_the_account_and_notebooks_have_a_driver_of_their_own():
    async with listening(lambda name: KEY) as environment:
        await git(environment, "init", "-q")
        (Path(environment["HOME"]) / "a.ipynb").write_text(
            '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
        )
        await git(environment, "add", "a.ipynb")
        await git(environment, "commit", "-qm", "first")
        assert (await git(environment, "log", "--format=%an %ae"))[1] == "ann ann@example.org\n"
        attributes = await git(environment, "check-attr", "diff", "merge", "--", "a.ipynb")
        assert attributes[1].count("jupyternotebook") == 2
