"""Processes of this machine, told apart by number *and* time of start (Linux, from `/proc`)."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
PRECISELY = 32 * 2**20
"""Bytes from which on it is worth asking what a process shares with others."""


@dataclass(frozen=True)
class Process:
    """One process; another that got the same number later is not equal to it."""

    pid: int
    started: int
    """Clock ticks since the machine was started."""

    @property
    def runs(self) -> bool:
        """Whether it is there and not just a zombie."""
        return find(self.pid) == self

    def kill(self, number: signal.Signals) -> None:
        """Send a signal, unless it is gone or somebody else has its number now."""
        if self.runs:
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                return  # it ended in between


def find(pid: int) -> Process | None:
    """Return the process with this number, None where there is none (or a zombie)."""
    fields = _stat(pid)
    return None if fields is None or fields[0] in "ZX" else Process(pid, int(fields[19]))


def name_of(process: Process) -> str:
    """Return the command's name, empty when it is gone."""
    try:
        return (PROC / str(process.pid) / "comm").read_text().strip()
    except OSError:
        return ""


def tree(root: Process) -> list[Process]:
    """Return a process and all that descend from it, parents first."""
    children: dict[int, list[Process]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            fields = _stat(int(entry.name))
            if fields is not None and fields[0] not in "ZX":
                one = Process(int(entry.name), int(fields[19]))
                children.setdefault(int(fields[1]), []).append(one)
    found = [root] if root.runs else []
    waiting = [root]
    while waiting:
        below = children.get(waiting.pop().pid, [])
        found += below
        waiting += below
    return found


def all_gone(processes: list[Process], seconds: float) -> bool:
    """Wait (blocking) until none of them runs; say whether that came true in time."""
    end = time.monotonic() + seconds
    while any(process.runs for process in processes):
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the third (the state) on."""
    try:
        text = (PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    return text[text.rindex(")") + 2 :].split()


def memory_of(process: Process) -> int:
    """Return the bytes of memory that are a process's own, its share of what it has with others."""
    rough = own = 0
    with contextlib.suppress(OSError):
        for line in (PROC / str(process.pid) / "status").read_text().splitlines():
            if line.startswith(("RssAnon:", "RssShmem:")):
                rough += int(line.split()[1]) * 1024
        if rough < PRECISELY:
            return rough
        for line in (PROC / str(process.pid) / "smaps_rollup").read_text().splitlines():
            if line.startswith(("Pss_Anon:", "Pss_Shmem:")):
                own += int(line.split()[1]) * 1024
    return own or rough
