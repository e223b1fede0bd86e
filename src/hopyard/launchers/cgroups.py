"""Control groups: the kernel's own limits of memory and processes, where we may make some.

Root may, and on a machine with systemd an ordinary user may beside its own. Both versions are used,
as the machine has them. Nothing is changed for processes that are not ours.
"""

from __future__ import annotations

import contextlib
import functools
import os
import time
from dataclasses import dataclass
from pathlib import Path

NAME = "hopyard"
FORGOTTEN_SECONDS = 600.0
CONTROLLERS = ("memory", "pids")


@dataclass(frozen=True)
class Place:
    """Where groups are made.

    Attributes:
        folders: for each controller the folder; the same for both in version 2.
        newer: whether it is version 2.
    """

    folders: tuple[Path, ...]
    newer: bool


def make(name: str, memory: int, processes: int) -> tuple[Path, ...]:
    """Make a group with limits; return its folders, none where this machine does not allow it.

    Args:
        name: its name, no other's.
        memory: bytes of memory, in memory files too.
        processes: processes and threads.
    """
    made = _folders(name)
    if not made or (where := place()) is None:
        return ()
    try:
        for folder in made:
            _sweep(folder.parent)
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o755)  # it is shown inside, whatever our umask is
        if where.newer:
            _write(made[0] / "memory.max", memory)
            _write_if_there(made[0] / "memory.swap.max", 0)
        else:
            _write(made[0] / "memory.limit_in_bytes", memory)
            _write_if_there(made[0] / "memory.memsw.limit_in_bytes", memory)
        _write(made[-1] / "pids.max", processes)
    except OSError:
        remove(name)
        return ()
    return made


def remove(name: str) -> None:
    """Remove a group that has no process any more."""
    for folder in _folders(name):
        with contextlib.suppress(OSError):
            folder.rmdir()


def _folders(name: str) -> tuple[Path, ...]:
    where = place()
    if where is None:
        return ()
    return tuple(dict.fromkeys(folder / f"{NAME}-{name}" for folder in where.folders))


@functools.cache
def place() -> Place | None:
    """Return where this process may make groups, None where it may not."""
    own = _own()
    if set(CONTROLLERS) <= set(own):
        older = tuple(folder / NAME for name in CONTROLLERS if (folder := own[name]))
        return Place(older, newer=False) if all(map(_usable, older)) else None
    if (base := own.get("")) is None:
        return None
    for folder in (base, base.parent):
        offered = _text(folder / "cgroup.subtree_control").split()
        if set(CONTROLLERS) <= set(offered) and os.access(folder / "cgroup.procs", os.W_OK):
            # Right below it: a group between would have to offer the controllers on.
            return Place((folder,) * 2, newer=True) if _usable(folder / NAME) else None
    return None


def _own() -> dict[str, Path]:
    """Return the folders of this process's own groups: by controller, version 2's by ''."""
    mounted: dict[str, tuple[Path, str]] = {}
    for line in _text(Path("/proc/self/mountinfo")).splitlines():
        before, _, after = line.partition(" - ")
        fields, kind = before.split(), after.split()
        root, point = fields[3], Path(fields[4])
        if kind[0] == "cgroup2":
            mounted[""] = (point, root)
        elif kind[0] == "cgroup":
            for name in kind[2].split(","):
                if name in CONTROLLERS:
                    mounted[name] = (point, root)
    own = {}
    for line in _text(Path("/proc/self/cgroup")).splitlines():
        _, names, path = line.split(":", 2)
        for name in names.split(","):
            if name in mounted:
                point, root = mounted[name]
                inside = path.removeprefix(root) if root != "/" else path
                if (folder := point / inside.lstrip("/")).is_dir():
                    own[name] = folder
    return own


def _usable(folder: Path) -> bool:
    there = folder.is_dir()
    try:
        folder.mkdir(exist_ok=True)
    except OSError:
        return False
    if not there:
        with contextlib.suppress(OSError):
            folder.rmdir()
    return True


def _sweep(folder: Path) -> None:
    """Remove old groups of what ended while nobody looked."""
    if not folder.is_dir():
        return
    for old in folder.iterdir():
        with contextlib.suppress(OSError):
            if old.name.startswith(NAME) and time.time() - old.stat().st_mtime > FORGOTTEN_SECONDS:
                old.rmdir()  # one with processes in it stays


def _write(file: Path, value: int) -> None:
    file.write_text(str(value))


def _write_if_there(file: Path, value: int) -> None:
    with contextlib.suppress(OSError):
        _write(file, value)


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
