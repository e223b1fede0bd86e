"""Running something as an ordinary user without an account, where the tests are root's."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from hopyard.launchers import sandbox

UID = 54321
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


def ordinary(command: list[str], folder: Path) -> list[str]:
    """Return the command that runs another as a user without an account, who owns a folder.

    Python may be in root's home, which nobody else may enter: it is shown in an empty one.
    """
    os.chown(folder, UID, UID)
    words = [sandbox.bwrap(), "--bind", "/", "/", "--dev-bind", "/dev", "/dev"]
    needed = [*sandbox.python_folders(), folder]
    above = {place for path in needed for place in path.parents}
    closed = [place for place in sorted(above) if not place.stat().st_mode & stat.S_IXOTH]
    for place in closed:
        if not any(place.is_relative_to(other) for other in closed if other != place):
            words += ["--perms", "0755", "--tmpfs", str(place)]
    for path in needed:
        words += [*sandbox._above(path), "--bind", str(path), str(path)]
    return [
        *(*words, "--", "setpriv", "--reuid", str(UID), "--regid", str(UID), "--clear-groups"),
        *("--inh-caps=-all", "--bounding-set=-all", *command),
    ]
