"""Uploaded files stay in their folder, whatever the session's code did to it."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from hopyard.errors import Conflict, Unavailable
from hopyard.livy.uploads import _store


def test_file_is_stored_once(tmp_path: Path) -> None:
    folder = tmp_path / "uploads"
    _store(io.BytesIO(b"first"), folder, "a.txt")
    with pytest.raises(Conflict):
        _store(io.BytesIO(b"second"), folder, "a.txt")
    assert (folder / "a.txt").read_bytes() == b"first"


def test_link_in_the_folders_place_is_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "uploads").symlink_to(elsewhere)
    with pytest.raises(Unavailable):
        _store(io.BytesIO(b"x"), tmp_path / "uploads", "a.txt")
    assert not list(elsewhere.iterdir())


def test_link_in_the_files_place_is_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "uploads"
    folder.mkdir()
    (folder / "a.txt").symlink_to(tmp_path / "target")
    with pytest.raises(Conflict):
        _store(io.BytesIO(b"x"), folder, "a.txt")
    assert not (tmp_path / "target").exists()
