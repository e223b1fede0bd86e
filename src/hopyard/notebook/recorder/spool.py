"""Runs on disk, one file each, so that what was recorded outlives the Jupyter server.

A file's first line is the whole run as it was; each further line is a message that came later, or
fields that changed. Once the lines outweigh the run (a progress bar updates one display for hours),
the file is written anew. Files are private to their user: outputs may hold what is nobody else's.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hopyard.notebook.recorder.run import Run

SLACK = 1_000_000
"""Bytes that a file may have beyond twice its run."""

log = logging.getLogger(__name__)


class Spool:
    """A folder of runs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sizes: dict[str, int] = {}
        self._lines: dict[str, list[str]] = {}

    def note(self, run: Run, kind: str, content: dict[str, Any]) -> None:
        """Remember a message of a run, to be written by the next `write`."""
        self._lines.setdefault(run.id, []).append(json.dumps([kind, content]))

    def note_fields(self, run: Run, *names: str) -> None:
        """Remember that these fields of a run have changed."""
        changed = {name: getattr(run, name) for name in names}
        self._lines.setdefault(run.id, []).append(json.dumps(changed))

    def write(self, run: Run) -> None:
        """Write down what was noted of a run."""
        lines = self._lines.pop(run.id, [])
        more = sum(map(len, lines)) + len(lines)
        size = self._sizes.get(run.id)
        if size is None or size + more > 2 * run.outputs.size + SLACK:
            text = json.dumps(run.dump()) + "\n"
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            part = self._file(run.id).with_suffix(".part")
            with open(part, "w", opener=_private) as stream:
                stream.write(text)
            part.replace(self._file(run.id))
            self._sizes[run.id] = len(text)
        elif lines:
            with open(self._file(run.id), "a", opener=_private) as stream:
                stream.write("\n".join(lines) + "\n")
            self._sizes[run.id] = size + more

    def drop(self, run: Run) -> None:
        """Forget a run."""
        self._lines.pop(run.id, None)
        if self._sizes.pop(run.id, None) is not None:
            self._file(run.id).unlink(missing_ok=True)

    def load(self) -> Iterator[Run]:
        """Return the runs of an earlier server, the oldest first."""
        if not self._folder.is_dir():
            return
        for file in sorted(self._folder.glob("*.jsonl"), key=lambda one: one.stat().st_mtime):
            try:
                run = _read(file)
            except (ValueError, KeyError, TypeError) as error:
                log.warning("%s is damaged and is deleted: %s", file, error)
                file.unlink(missing_ok=True)
                continue
            self._sizes[run.id] = file.stat().st_size
            yield run

    def _file(self, name: str) -> Path:
        # An id comes from a client: it is no file name.
        return self._folder / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.jsonl"


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _read(file: Path) -> Run:
    first, *rest = file.read_text().splitlines()
    run = Run.load(json.loads(first))
    for line in rest:
        try:
            change = json.loads(line)
        except ValueError:
            break  # the server was killed while it wrote this line
        if isinstance(change, dict):
            for name, value in change.items():
                setattr(run, name, value)
        else:
            run.apply(*change)
    return run
