"""Copying the files of tours; what a person edited or deleted is left alone."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from hopyard.launchers import owner

ODD = frozenset({errno.ELOOP, errno.ENOTDIR, errno.EISDIR, errno.EINVAL, errno.ENXIO})
"""A member put a link, or something else that is no file, in a file's place: it stays as it is."""


def copy(
    source: Path, names: Iterable[str], target: Path, copied: Mapping[str, str]
) -> dict[str, str]:
    """Copy files and folders, unless somebody edited or deleted the copy.

    Args:
        source: the folder that has them.
        names: files and folders in it.
        target: the Jupyter dataset of a project.
        copied: what was copied before: path and SHA-256.

    Returns:
        What is copied now, in the same form.
    """
    now = dict(copied)
    if not os.path.lexists(target):
        owner.make_folder(target)
    for file in _files(source, names):
        name = str(file.relative_to(source))
        content = file.read_bytes()
        try:
            there = owner.read_inside(target, name)
            if there is None:
                wanted = name not in copied
            else:
                wanted = hashlib.sha256(there).hexdigest() == copied.get(name)
            if wanted:
                owner.write_inside(target, name, content)
                now[name] = hashlib.sha256(content).hexdigest()
        except OSError as error:
            if error.errno not in ODD:
                raise
    return now


def _files(source: Path, names: Iterable[str]) -> list[Path]:
    found = set()
    for name in names:
        place = source / name
        inside = place.rglob("*") if place.is_dir() else [place]
        found |= {file for file in inside if file.is_file()}
    return sorted(found)
