"""How much of the disk a project uses."""

from __future__ import annotations

from pathlib import Path

import pytest

from hopyard import disk
from hopyard.settings import Settings, folder_of, folders_of


def test_all_files_of_a_project_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(data_dir=tmp_path)
    files = [
        tmp_path / "projects" / "one" / "Jupyter" / "data.bin",
        tmp_path / "homes" / folder_of("ada.l") / "one" / ".cache" / "x",
        settings.copies_dir / "ada" / "one" / "copy" / "file",
        tmp_path / "projects" / "two" / "data.bin",
    ]
    for file in files:
        file.parent.mkdir(parents=True)
        file.write_bytes(b"x" * 2**20)
    (files[0].parent / "link").symlink_to(files[3])
    (files[0].parent / "gone").symlink_to("nowhere")
    assert disk.used(folders_of(settings, "one")) // 2**20 == 3
    assert disk.too_much(folders_of(settings, "one"), None) is None
    assert disk.too_much(folders_of(settings, "one"), 4) is None
    assert disk.too_much(folders_of(settings, "one"), 2) == (
        "The project uses 3 MB of the disk and may use 2 MB: delete files first."
    )
    files[0].unlink()
    files[1].unlink()
    # Whoever deleted something is not held to an old answer.
    assert disk.too_much(folders_of(settings, "one"), 2) is None
