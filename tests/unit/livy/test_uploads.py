"""Uploaded files stay in their folder, whatever the session's code did to it."""

from __future__ import annotations

import io
from pathlib import Path

import httpx
import pytest

from hopyard import disk
from hopyard.errors import Conflict, Unavailable
from hopyard.livy import jobs
from hopyard.livy.uploads import _store
from tests.unit.livy.served import IdleLauncher, served


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


async def test_nothing_is_uploaded_to_a_project_with_too_many_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "run" / "uploads"
    monkeypatch.setattr(IdleLauncher, "uploads", lambda self, place: (here, "uploads"))
    monkeypatch.setattr(jobs, "ADD_SECONDS", 0.0)  # there is no driver that would take it
    monkeypatch.setenv("HOPYARD_LIMITS__DISK", "1")
    async with served(tmp_path) as http:
        made = (await http.post("/sessions", json={"kind": "pyspark"})).json()["id"]

        async def upload(name: str) -> httpx.Response:
            files = {"file": (name, bytes(3 * 2**19))}
            return await http.post(f"/sessions/{made}/upload-file", files=files)

        await upload("first.bin")
        assert (here / "first.bin").exists()
        disk._kept.clear()  # as after half a minute
        refused = await upload("second.bin")
        assert refused.status_code == 503
        assert "The project uses 2 MB of the disk and may use 1 MB" in refused.text
        assert not (here / "second.bin").exists()
