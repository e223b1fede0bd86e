"""The environment into which members install, with a real pip and a wheel that is made here."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from hopyard import packages


def wheel(folder: Path, name: str) -> Path:
    """Make a wheel of a module whose VALUE is 7."""
    file = folder / f"{name}-1.0-py3-none-any.whl"
    facts = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(f"{name}.py", "VALUE = 7\n")
        archive.writestr(
            f"{facts}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
        )
        archive.writestr(
            f"{facts}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{facts}/RECORD", "")
    return file


def test_pip_installs_beside_our_own_environment(tmp_path: Path) -> None:
    variables = os.environ | packages.make(tmp_path / "own")

    def run(*words: str) -> str:
        ran = subprocess.run(words, env=variables, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    run("pip", "install", "--no-index", str(wheel(tmp_path, "hopyard_tiny")))
    code = "import hopyard_tiny, pandas; print(hopyard_tiny.VALUE, hopyard_tiny.__file__)"
    assert run("python", "-c", code).startswith(f"7 {tmp_path}")
    assert "hopyard_tiny" in run("pip", "list").replace("-", "_")
    run("pip", "uninstall", "-y", "hopyard_tiny")
    assert "hopyard_tiny" not in run("pip", "list").replace("-", "_")


def test_an_environment_is_made_at_once_and_only_once(tmp_path: Path) -> None:
    begun = time.monotonic()
    first = packages.make(tmp_path / "own")
    assert time.monotonic() - begun < 1
    assert packages.make(tmp_path / "own") == first


def test_conda_says_what_to_use(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from IPython.core.error import UsageError
    from IPython.core.interactiveshell import InteractiveShell

    monkeypatch.setenv(packages.VARIABLE, packages.make(tmp_path / "own")[packages.VARIABLE])
    monkeypatch.setattr("sys.path", [*sys.path])
    shell = InteractiveShell()
    packages.register(shell, "note")
    with pytest.raises(UsageError, match="use %pip install"):
        shell.run_line_magic("conda", "install x")
