"""Whose the sandbox's processes are, and the files that they may write.

A platform that an ordinary user runs gives its own user to them: nobody else's would do without
rights. One that root runs must not. Root without capabilities still reads every file of root's
(`/etc/shadow`) and writes what is root's in `/proc/sys`. So the sandbox is made by root, and what
runs in it is a user of its own, who owns the folders that are writable inside.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

UID = GID = 52771
"""Of a platform that root runs; no account of the machine is needed. Debian and Fedora give numbers
near it to nobody."""
INSTEAD = 1000
"""Inside, where root is the only user of a container and cannot become another."""
_SETGID, _SETUID = 6, 7


@functools.cache
def drops() -> bool:
    """Say whether the sandbox's processes become a user of their own."""
    if os.geteuid():
        return False
    return all(map(_is_mapped, ("uid_map", "gid_map"))) and _has(_SETUID) and _has(_SETGID)


def inside() -> tuple[int, int]:
    """Return the user and group numbers of what runs in the sandbox, as seen inside."""
    if os.geteuid():
        return os.geteuid(), os.getegid()
    return (UID, GID) if drops() else (INSTEAD, INSTEAD)


def hand_over(folder: Path) -> None:
    """Let what runs in the sandbox own a folder with all in it.

    What is its own at the top is so all the way down: the top comes last.
    """
    if not drops() or os.lstat(folder).st_uid == UID:
        return
    for _, folders, files, place in os.fwalk(folder, follow_symlinks=False):
        for name in (*folders, *files):
            os.chown(name, UID, GID, dir_fd=place, follow_symlinks=False)
    os.chown(folder, UID, GID, follow_symlinks=False)


def hand_over_log(log: int) -> None:
    """Let what runs in the sandbox open its log by `/dev/stderr`; it writes there anyway."""
    if drops():
        os.fchown(log, UID, GID)


def inherit(path: Path) -> None:
    """Give something that the platform just made to the owner of the folder that it is in."""
    if os.geteuid() == 0:
        above = os.lstat(path.parent)
        if above.st_uid != os.lstat(path).st_uid:
            os.chown(path, above.st_uid, above.st_gid, follow_symlinks=False)


def inherit_open(folder: int, file: int) -> None:
    """The same for an open file in an open folder: no link can get in between."""
    if os.geteuid() == 0:
        above = os.fstat(folder)
        os.fchown(file, above.st_uid, above.st_gid)


def read_inside(folder: Path, name: str) -> bytes | None:
    """Return a file's content, of a folder in which somebody's code puts what it likes.

    Args:
        folder: it itself may be in the place of another; only what is above it is ours.
        name: the file's path below; None is returned where nothing is there.

    Raises:
        OSError: a link is on the way, or something else than folders and a plain file.
    """
    try:
        with _parent(folder, name, make=False) as (place, last):
            file = os.open(last, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=place)
    except FileNotFoundError:
        return None
    with os.fdopen(file, "rb") as stream:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise OSError(errno.EINVAL, "This is no plain file", name)
        return stream.read()


def write_inside(folder: Path, name: str, content: bytes) -> None:
    """Write such a file, with the folders that are missing on the way.

    A plain file of this name is replaced, never written into: it may be a second name of another.

    Raises:
        OSError: as above.
    """
    with _parent(folder, name, make=True) as (place, last):
        new = f".{last}.{secrets.token_hex(4)}"
        file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640, dir_fd=place)
        with os.fdopen(file, "wb") as stream:
            stream.write(content)
            inherit_open(place, file)
        os.replace(new, last, src_dir_fd=place, dst_dir_fd=place)


@contextlib.contextmanager
def _parent(folder: Path, name: str, *, make: bool) -> Iterator[tuple[int, str]]:
    """Open the folder that a file is in, from step to step; no link is followed."""
    *above, last = name.split("/")
    flags = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    place = os.open(folder, flags)
    try:
        for step in above:
            if make:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(step, 0o750, dir_fd=place)
                    made = os.open(step, flags, dir_fd=place)
                    inherit_open(place, made)
                    os.close(made)
            below = os.open(step, flags, dir_fd=place)
            os.close(place)
            place = below
        yield place, last
    finally:
        os.close(place)


def make_folder(path: Path, mode: int = 0o750) -> None:
    """Make a folder with those above it; each belongs to the owner of the one that it is in."""
    missing = [place for place in (path, *path.parents) if not place.exists()]
    for place in reversed(missing):
        place.mkdir(mode=mode, exist_ok=True)
        inherit(place)


def _is_mapped(name: str) -> bool:
    ranges = (map(int, line.split()) for line in _lines(Path("/proc/self") / name))
    return any(first <= UID < first + count for first, _, count in ranges)


def _has(capability: int) -> bool:
    for line in _lines(Path("/proc/self/status")):
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> capability & 1)
    return False


def _lines(file: Path) -> Iterator[str]:
    try:
        yield from file.read_text().splitlines()
    except OSError:
        return
