"""A batch's report is written in the sandbox: the user's code may put anything there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hopyard.launchers.local import LocalLauncher
from hopyard.protocol.messages import REPORT, BatchReport
from hopyard.settings import Settings


@pytest.fixture
def file(tmp_path: Path) -> Path:
    folder = tmp_path / "run" / "batches" / "7"
    folder.mkdir(parents=True)
    return folder / REPORT


@pytest.fixture
def launcher(tmp_path: Path) -> LocalLauncher:
    return LocalLauncher(Settings(data_dir=tmp_path))


async def test_report_is_read(launcher: LocalLauncher, file: Path) -> None:
    assert await launcher.report("batches/7") == BatchReport()
    file.write_text('{"app_id": "local-1", "exit_code": 3, "reason": "no"}')
    said = await launcher.report("batches/7")
    assert (said.app_id, said.exit_code, said.reason) == ("local-1", 3, "no")


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"app_id": 7}', f'{{"app_id": "{"x" * 999}"}}', " " * 100_000 + "{}"]
)
async def test_nonsense_is_no_report(launcher: LocalLauncher, file: Path, text: str) -> None:
    file.write_text(text)
    assert await launcher.report("batches/7") == BatchReport()


async def test_links_and_pipes_are_not_followed(launcher: LocalLauncher, file: Path) -> None:
    elsewhere = file.with_name("elsewhere")
    elsewhere.write_text('{"app_id": "stolen"}')
    file.symlink_to(elsewhere)
    assert (await launcher.report("batches/7")).app_id is None
    file.unlink()
    os.mkfifo(file)
    assert (await launcher.report("batches/7")).app_id is None


async def test_batch_is_released_through_no_link(tmp_path: Path) -> None:
    launcher = LocalLauncher(Settings(data_dir=tmp_path))
    go, elsewhere = tmp_path / "go-1", tmp_path / "elsewhere"
    await launcher.release({"go": str(go)})
    assert go.exists()
    await launcher.release({"go": str(go)})  # again, by a server that was started anew
    go.unlink()
    go.symlink_to(elsewhere)
    await launcher.release({"go": str(go)})
    assert not elsewhere.exists()
    await launcher.release({"go": str(tmp_path / "gone" / "go-1")})
