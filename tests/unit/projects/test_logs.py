from __future__ import annotations

import time
from pathlib import Path

import pytest

from hopyard.errors import NotFound
from hopyard.projects.logs.service import Logs
from hopyard.settings import Settings, folder_of


def _folder(tmp_path: Path, user: str = "ada") -> Path:
    folder = Settings(data_dir=tmp_path / "data").user_logs("hops", user)
    (folder / "jupyter").mkdir(parents=True, exist_ok=True)
    (folder / "sessions" / "7").mkdir(parents=True, exist_ok=True)
    return folder


async def test_sources_are_the_runs_and_the_sessions(logs: Logs, tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    assert await logs.sources("eve", "hops") == []
    (folder / "jupyter" / "20260101T000000.log").write_text("a\n")
    (folder / "sessions" / "7" / "driver.log").write_text("b\n")
    (folder / "batches" / "3").mkdir(parents=True)
    (folder / "batches" / "3" / "driver.log").write_text("c\n")
    found = {one.id: one for one in await logs.sources("ada", "hops")}
    assert set(found) == {"jupyter-20260101T000000", "session-7", "batch-3"}
    assert (await logs.tail("ada", "hops", "batch-3")).text == "c\n"
    assert found["jupyter-20260101T000000"].label == "Jupyter, 2026-01-01 00:00:00 UTC"
    assert await logs.sources("bob", "hops") == []


@pytest.mark.parametrize(
    "source",
    [
        "",
        "jupyter",
        "jupyter-",
        "jupyter-../../../x",
        "session-..",
        "session-7/../8",
        "jupyter-none",
        "other-7",
        "session-.hidden",
        "jupyter-a\0b",
    ],
)
async def test_other_names_are_not_found(logs: Logs, tmp_path: Path, source: str) -> None:
    _folder(tmp_path)
    with pytest.raises(NotFound):
        await logs.tail("ada", "hops", source)


async def test_links_are_not_followed(logs: Logs, tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    secret = tmp_path / "secret"
    secret.write_text("secret")
    (folder / "jupyter" / "evil.log").symlink_to(secret)
    assert await logs.sources("ada", "hops") == []
    for read in (logs.tail("ada", "hops", "jupyter-evil"),):
        with pytest.raises(NotFound):
            await read


async def test_follow_gives_whole_characters_and_begins_anew(logs: Logs, tmp_path: Path) -> None:
    file = _folder(tmp_path) / "sessions" / "7" / "driver.log"
    data = "Hopfen läuft ✓ 🌿\n".encode()
    text, at = "", 0
    for cut in range(len(data) + 1):
        file.write_bytes(data[:cut])
        piece = await logs.after("ada", "hops", "session-7", at)
        assert piece.start == at
        text, at = text + piece.text, piece.end
    assert text.encode() == data
    file.write_text("new\n")
    assert (await logs.after("ada", "hops", "session-7", at)).text == "new\n"


async def test_tail_and_before_meet_without_a_gap(logs: Logs, tmp_path: Path) -> None:
    file = _folder(tmp_path) / "sessions" / "7" / "driver.log"
    file.write_text("".join(f"line {n}\n" for n in range(1000)))
    piece = await logs.tail("ada", "hops", "session-7", 500)
    text = piece.text
    while piece.start:
        piece = await logs.before("ada", "hops", "session-7", piece.start, 500)
        text = piece.text + text
    assert text == file.read_text()


async def test_a_line_longer_than_the_tail_does_not_stop_before(logs: Logs, tmp_path: Path) -> None:
    file = _folder(tmp_path) / "sessions" / "7" / "driver.log"
    file.write_text("x" * 5000)
    piece = await logs.tail("ada", "hops", "session-7", 500)
    assert piece.text == "x" * 500
    assert (await logs.before("ada", "hops", "session-7", piece.start, 500)).text == "x" * 500


async def test_a_log_of_100_mb_is_fast(logs: Logs, tmp_path: Path) -> None:
    file = _folder(tmp_path) / "sessions" / "7" / "driver.log"
    line = b"26/01/01 00:00:00 INFO TaskSetManager: Finished task 0.0 in stage 1.0\n"
    with file.open("wb") as stream:
        for _ in range(100):
            stream.write(line * (1_000_000 // len(line)))
        stream.write(b"the NEEDLE at the end\n")
    begun = time.monotonic()
    piece = await logs.tail("ada", "hops", "session-7")
    assert time.monotonic() - begun < 0.5
    assert piece.text.endswith("NEEDLE at the end\n") and len(piece.text) <= 256 * 1024
    begun = time.monotonic()
    (hit,) = await logs.search("ada", "hops", "session-7", "needle")
    assert time.monotonic() - begun < 5
    assert hit.line == "the NEEDLE at the end"
    with file.open("rb") as stream:
        stream.seek(hit.offset)
        assert stream.readline() == b"the NEEDLE at the end\n"


async def test_search_keeps_the_last_hits(logs: Logs, tmp_path: Path) -> None:
    file = _folder(tmp_path) / "sessions" / "7" / "driver.log"
    file.write_text("".join(f"Line {n}\nother\n" for n in range(50)) + "no newline LINE")
    hits = await logs.search("ada", "hops", "session-7", "line", limit=3)
    assert [hit.line for hit in hits] == ["Line 48", "Line 49", "no newline LINE"]


async def test_download_is_the_whole_file(logs: Logs, tmp_path: Path) -> None:
    file = _folder(tmp_path) / "sessions" / "7" / "driver.log"
    file.write_bytes(b"x" * 3_000_000)
    blocks = [block async for block in await logs.download("ada", "hops", "session-7")]
    assert b"".join(blocks) == file.read_bytes()
    with pytest.raises(NotFound):
        await logs.download("ada", "hops", "session-8")


async def test_users_with_odd_names_have_folders_of_their_own(logs: Logs, tmp_path: Path) -> None:
    odd = "a/../b c"
    assert "/" not in folder_of(odd)
    (_folder(tmp_path, odd) / "jupyter" / "r.log").write_text("x")
    assert len(await logs.sources(odd, "hops")) == 1
