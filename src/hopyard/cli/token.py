"""The token of a Livy server that stands alone: made once, in a file that its user alone can read.

Loopback is no protection on a machine with several accounts: whoever has one could run code in
another's name. As with Jupyter, the one who started the server finds the token beside its address.
"""

from __future__ import annotations

import getpass
import os
import secrets
import stat
from pathlib import Path

from hopyard.errors import SetupError

NAME = "livy-token"


def make(folder: Path) -> Path:
    """Return the token file in a folder, which is made where it is missing.

    One that is there stays: clients go on after a restart. Delete it for a new token.

    Raises:
        SetupError: the one that is there is not this user's alone.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = folder / NAME
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        _check(file)
        return file
    with os.fdopen(descriptor, "w") as stream:
        stream.write(f"{_user()} {secrets.token_urlsafe(32)}\n")
    return file


def read(file: Path) -> str:
    """Return the token in a file that `make` made."""
    return file.read_text().split()[1]


def _check(file: Path) -> None:
    found = file.lstat()
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise SetupError(f"The token file {file} is not yours alone: delete it for a new one.")


def _user() -> str:
    try:
        return "".join(getpass.getuser().split()) or f"user{os.getuid()}"
    except (KeyError, OSError):  # an account without a name
        return f"user{os.getuid()}"
