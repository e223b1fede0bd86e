"""Whose the data directory is, and what a user without an account is told."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from hopyard.cli.machine import make_data_dir
from hopyard.errors import SetupError
from tests.ordinary import as_root, ordinary


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_data_directory_is_closed_to_others(tmp_path: Path) -> None:
    new = tmp_path / "new"
    make_data_dir(new)
    assert mode(new) == 0o700
    empty = tmp_path / "empty"
    empty.mkdir()
    empty.chmod(0o777)
    (empty / "lost+found").mkdir()
    make_data_dir(empty)
    assert mode(empty) == 0o700


def test_data_of_an_earlier_version_is_closed_to_others(tmp_path: Path) -> None:
    old = tmp_path / "old"
    project = old / "projects" / "demo"
    project.mkdir(parents=True)
    project.chmod(0o755)
    files = [old / "hopyard.sqlite", old / "hopyard.sqlite-wal", old / "keys" / "secrets"]
    files += [old / "hub" / "jupyterhub.sqlite", old / "run" / "platform.json"]
    files += [old / "logs" / "platform" / "hub.log"]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
        file.chmod(0o644)
    old.chmod(0o755)
    make_data_dir(old)
    assert {mode(path) for path in (old, *old.iterdir()) if path.is_dir()} == {0o700}
    assert {mode(file) for file in files} == {0o600}
    assert mode(project) == 0o755


def test_folder_with_other_files_is_no_data_directory(tmp_path: Path) -> None:
    other = tmp_path / "home"
    other.mkdir()
    (other / "letter.txt").touch()
    other.chmod(0o755)
    with pytest.raises(SetupError, match="open to other users"):
        make_data_dir(other)
    assert mode(other) == 0o755
    other.chmod(0o700)
    make_data_dir(other)
    (other / "run").mkdir()
    other.chmod(0o777)
    with pytest.raises(SetupError, match="open to other users"):
        make_data_dir(other)


@as_root
def test_data_directory_of_somebody_else_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir(mode=0o700)
    os.chown(other, 54321, 54321)
    with pytest.raises(SetupError, match=r"belongs to another user \(number 54321\)"):
        make_data_dir(other)


@as_root
def test_user_without_home_is_told_what_to_set(tmp_path: Path) -> None:
    command = ordinary([sys.executable, "-m", "hopyard.cli", "livy"], tmp_path)
    bare = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        command, capture_output=True, text=True, env=bare, cwd="/", timeout=60, check=False
    )
    assert done.returncode == 1
    assert done.stderr == (
        "hopyard: This user has no home folder: set HOPYARD_DATA_DIR to where the data is to be.\n"
    )


@as_root
def test_user_without_account_is_told_to_take_the_sandbox(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    command = ordinary([sys.executable, "-m", "hopyard.cli", "livy"], data)
    bare = {name: os.environ[name] for name in ("PATH", "JAVA_HOME") if name in os.environ}
    bare |= {"HOPYARD_DATA_DIR": str(data), "HOPYARD_ISOLATION": "none"}
    done = subprocess.run(
        command, capture_output=True, text=True, env=bare, cwd="/", timeout=60, check=False
    )
    assert done.returncode == 1
    assert 'Spark needs one where isolation is "none"' in done.stderr
