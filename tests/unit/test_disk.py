"""How much of the disk a project uses."""

from __future__ import annotations

from pathlib import Path

import pytest
from tornado.web import HTTPError

from hopyard import disk
from hopyard.errors import Unavailable
from hopyard.launchers.base import Order
from hopyard.launchers.local import LocalLauncher
from hopyard.notebook.recorder.contents import Contents
from hopyard.notebook.server import configuration
from hopyard.protocol.messages import BatchConfig
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


async def test_nothing_starts_in_a_project_with_too_many_files(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, limits={"disk": 1})
    big = tmp_path / "projects" / "one" / "Jupyter" / "big.bin"
    big.parent.mkdir(parents=True)
    big.write_bytes(b"x" * 2 * 2**20)
    order = Order("one", BatchConfig(batch=1, file="a.py"), tmp_path / "driver.log", "ada")
    with pytest.raises(Unavailable, match=r"The project uses 2 MB .* and may use 1 MB"):
        await LocalLauncher(settings).start(order)
    assert not (tmp_path / "run").exists()


async def test_notebook_is_not_saved_where_there_are_too_many_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "big.bin").write_bytes(b"x" * 2 * 2**20)
    config = configuration({"HOPYARD_DISK_MB": "1"})
    assert config.FileContentsManager.delete_to_trash is False
    monkeypatch.setenv("HOPYARD_PROJECT_DIR", str(project))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOPYARD_DISK_MB", "1")
    manager = Contents(root_dir=str(project))
    text = {"type": "file", "format": "text", "content": "x"}
    with pytest.raises(HTTPError) as refused:
        await manager.save(dict(text), "a.txt")
    assert (refused.value.status_code, refused.value.log_message) == (
        507,
        "The project uses 2 MB of the disk and may use 1 MB: delete files first.",
    )
    (project / "big.bin").unlink()
    await manager.save(dict(text), "a.txt")
    assert (project / "a.txt").read_text() == "x"
