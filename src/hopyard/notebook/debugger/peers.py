"""Whose a connection over loopback is."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from pathlib import Path

PROC = Path("/proc")


def is_near(link: socket.socket) -> bool:
    """Say whether a process that we can see, so one of our own sandbox, is at the other end."""
    try:
        ends = [_shown(link.family, end) for end in (link.getpeername(), link.getsockname())]
        inode = _inode("tcp6" if link.family == socket.AF_INET6 else "tcp", ends)
    except OSError:  # it has gone already
        return False
    return inode is not None and _is_open(f"socket:[{inode}]")


def _shown(family: int, address: tuple[str, int]) -> str:
    """Write an address as Linux does: words of 32 bits as this machine stores them."""
    words = struct.iter_unpack("=I", socket.inet_pton(family, address[0]))
    return "".join(f"{word:08X}" for (word,) in words) + f":{address[1]:04X}"


def _inode(table: str, ends: list[str]) -> str | None:
    """Find the other end among the connections of this network."""
    for line in (PROC / "self" / "net" / table).read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1:3] == ends:
            return fields[9]
    return None


def _is_open(name: str) -> bool:
    for process in PROC.iterdir():
        if process.name.isdigit():
            with contextlib.suppress(OSError):  # it ended, or is not ours to look at
                for one in (process / "fd").iterdir():
                    with contextlib.suppress(OSError):
                        if os.readlink(one) == name:  # noqa: PTH115 - no path
                            return True
    return False
