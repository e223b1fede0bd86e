"""Copying the files of tours; what a person edited or deleted is left alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from hopyard.launchers import owner


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
    for file in _files(source, names):
        name = str(file.relative_to(source))
        place = target / name
        content = file.read_bytes()
        if place.resolve() != target.resolve() / name:
            continue  # a member put a link there: nothing is written through it
        if not place.exists():
            wanted = name not in copied
        else:
            wanted = hashlib.sha256(place.read_bytes()).hexdigest() == copied.get(name)
        if wanted:
            owner.make_folder(place.parent)
            place.write_bytes(content)
            owner.inherit(place)
            now[name] = hashlib.sha256(content).hexdigest()
    return now


def _files(source: Path, names: Iterable[str]) -> list[Path]:
    found = set()
    for name in names:
        place = source / name
        inside = place.rglob("*") if place.is_dir() else [place]
        found |= {file for file in inside if file.is_file()}
    return sorted(found)
