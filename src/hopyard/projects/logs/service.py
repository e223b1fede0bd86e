"""Reading the log files of one member in a project.

Only names from a listing are ever opened, without following links, so no address leads to another
file. All reading is of bounded pieces (a 100 MB log opens as fast as a small one) and in a thread,
since files on disk block.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Literal

from hopyard.errors import NotFound
from hopyard.projects.logs.models import Hit, Piece, Source
from hopyard.settings import Settings

TAIL = 256 * 1024
BLOCK = 1024 * 1024
LINE_MAX = 2000
_Driver = Literal["session", "batch"]
_FOLDERS: dict[_Driver, str] = {"session": "sessions", "batch": "batches"}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,100}")


class Logs:
    """The logs of members."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def sources(self, user: str, project: str) -> list[Source]:
        """Return a member's logs in a project, the one that changed last first."""
        return await asyncio.to_thread(self._sources, user, project)

    async def tail(self, user: str, project: str, source: str, size: int = TAIL) -> Piece:
        """Return the end of a log, from the beginning of a line.

        Raises:
            NotFound: there is no such log.
        """
        return await asyncio.to_thread(_tail, self._file(user, project, source), None, size)

    async def before(
        self, user: str, project: str, source: str, end: int, size: int = TAIL
    ) -> Piece:
        """Return what stands before a byte of a log, from the beginning of a line."""
        return await asyncio.to_thread(_tail, self._file(user, project, source), end, size)

    async def after(self, user: str, project: str, source: str, start: int) -> Piece:
        """Return what was written since a byte of a log; from 0 if the file began anew."""
        return await asyncio.to_thread(_after, self._file(user, project, source), start)

    async def search(
        self, user: str, project: str, source: str, text: str, limit: int = 500
    ) -> list[Hit]:
        """Return the last lines that contain a text, whatever its case."""
        file = self._file(user, project, source)
        return await asyncio.to_thread(_search, file, text, limit)

    async def download(self, user: str, project: str, source: str) -> AsyncIterator[bytes]:
        """Return a whole log in blocks, as long as it is now.

        Raises:
            NotFound: there is no such log.
        """
        file = self._file(user, project, source)
        with _open(file):
            pass  # so that a log that is not there is told before the answer begins
        return _blocks(file)

    def _file(self, user: str, project: str, source: str) -> Path:
        kind, _, name = source.partition("-")
        if _NAME.fullmatch(name):
            folder = self._settings.user_logs(project, user)
            if kind == "jupyter":
                return folder / "jupyter" / f"{name}.log"
            if kind in _FOLDERS:
                return folder / _FOLDERS[kind] / name / "driver.log"
        raise NotFound(f"There is no log {source!r}.")

    def _sources(self, user: str, project: str) -> list[Source]:
        folder = self._settings.user_logs(project, user)
        runs = [_source("jupyter", file.stem, file) for file in (folder / "jupyter").glob("*.log")]
        drivers = [
            _source(kind, file.parent.name, file)
            for kind, below in _FOLDERS.items()
            for file in (folder / below).glob("*/driver.log")
        ]
        found = [source for source in (*runs, *drivers) if source is not None]
        return sorted(found, key=lambda source: source.changed_at, reverse=True)


def _source(kind: Literal["jupyter"] | _Driver, name: str, file: Path) -> Source | None:
    if not _NAME.fullmatch(name) or file.is_symlink():
        return None
    try:
        facts = file.stat()
    except FileNotFoundError:  # rotated away between listing and looking
        return None
    label = f"Jupyter, {_run(name)}" if kind == "jupyter" else f"Spark driver of {kind} {name}"
    return Source(
        f"{kind}-{name}", kind, label, facts.st_size, datetime.fromtimestamp(facts.st_mtime, UTC)
    )


def _run(name: str) -> str:
    """Return the name of a run, which is when it began, in words."""
    try:
        return f"{datetime.strptime(name, '%Y%m%dT%H%M%S'):%Y-%m-%d %H:%M:%S} UTC"
    except ValueError:
        return name


@contextmanager
def _open(file: Path) -> Iterator[BinaryIO]:
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        raise NotFound("There is no such log (any more).") from None
    with os.fdopen(descriptor, "rb") as stream:
        yield stream


def _tail(file: Path, end: int | None, size: int) -> Piece:
    with _open(file) as stream:
        whole = os.fstat(stream.fileno()).st_size
        last = whole if end is None else min(end, whole)
        start = max(0, last - size)
        stream.seek(start)
        data = stream.read(last - start)
    if start:
        cut = data.find(b"\n") + 1
        data, start = data[cut:], start + cut
    data = _whole_characters(data)
    return Piece(data.decode(errors="replace"), start, start + len(data), whole)


def _after(file: Path, start: int) -> Piece:
    with _open(file) as stream:
        whole = os.fstat(stream.fileno()).st_size
        if start > whole:
            start = 0
        stream.seek(start)
        data = _whole_characters(stream.read(BLOCK))
    return Piece(data.decode(errors="replace"), start, start + len(data), whole)


def _whole_characters(data: bytes) -> bytes:
    """Leave out a character at the end of which only the first bytes are there yet."""
    for back in range(1, min(4, len(data) + 1)):
        byte = data[-back]
        if byte & 0xC0 == 0x80:
            continue
        width = 4 if byte >= 0xF0 else 3 if byte >= 0xE0 else 2 if byte >= 0xC0 else 1
        return data[:-back] if width > back else data
    return data


def _search(file: Path, text: str, limit: int) -> list[Hit]:
    wanted = text.lower().encode()
    hits: list[Hit] = []
    if not wanted:
        return hits
    with _open(file) as stream:
        offset, rest = 0, b""
        while block := stream.read(BLOCK):
            block = rest + block
            cut = block.rfind(b"\n") + 1 or len(block)
            hits += _hits(block[:cut], wanted, offset)
            hits = hits[-limit:]
            offset, rest = offset + cut, block[cut:]
        hits += _hits(rest, wanted, offset)
    return hits[-limit:]


def _hits(block: bytes, wanted: bytes, offset: int) -> Iterator[Hit]:
    lowered = block.lower()
    at = lowered.find(wanted)
    while at >= 0:
        start = block.rfind(b"\n", 0, at) + 1
        end = block.find(b"\n", at)
        end = len(block) if end < 0 else end
        yield Hit(offset + start, block[start:end][:LINE_MAX].decode(errors="replace"))
        at = lowered.find(wanted, end)


async def _blocks(file: Path) -> AsyncIterator[bytes]:
    with _open(file) as stream:
        left = os.fstat(stream.fileno()).st_size
        while left > 0 and (block := await asyncio.to_thread(stream.read, min(BLOCK, left))):
            left -= len(block)
            yield block
