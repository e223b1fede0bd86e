"""The limits of what runs in one sandbox: memory, processes, the size of its log.

Memory and processes are limited by control groups where the machine lets us make some. Elsewhere
the process that started the sandbox looks every second: what uses too much memory is killed, the
largest process first; more processes than an ordinary user may start are refused by the kernel.
All sandboxes of a platform that root runs are one user for it: see `shares_processes`.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hopyard import limits as told
from hopyard.launchers import cgroups, owner
from hopyard.launchers.processes import Process, memory_of, tree
from hopyard.settings import Settings

_SIZE = re.compile(r"\s*(\d+)\s*([kmgt]?)b?\s*", re.IGNORECASE)
_UNITS = {"k": 2**10, "": 2**20, "m": 2**20, "g": 2**30, "t": 2**40}
SPARK_DRIVER_MEMORY = "1g"
"""What Spark takes where nothing is said."""
BESIDE = (
    "spark.driver.memoryOverhead",
    "spark.executor.pyspark.memory",
    "spark.memory.offHeap.size",
)
"""What is asked for beside it; with local Spark executors are in the driver."""
LOG_KEPT = 2**20
"""Bytes that stay at the beginning and at the end of a log that was too large."""


PROCESSES = 4000
"""And threads: Spark keeps two for each query of the last minute, up to 1,024 of a kind."""


@dataclass(frozen=True)
class Limits:
    """What runs in one sandbox may use.

    Attributes:
        memory: bytes, of all its processes together.
        processes: processes and threads.
        log: bytes of its log.
        folder: what is shown inside of it (see `hopyard.limits`).
        groups: its control groups; without any it is watched.
    """

    memory: int
    processes: int
    log: int
    folder: Path
    groups: tuple[Path, ...] = ()

    @classmethod
    def make(cls, settings: Settings, name: str, memory: int) -> Limits:
        """Make the limits of something that is about to be started.

        Args:
            settings: the numbers.
            name: its name, no other's.
            memory: bytes.
        """
        most = settings.limits.processes or PROCESSES + 100 * (os.cpu_count() or 1)
        cls.forget(settings, name)
        groups = cgroups.make(_group(settings, name), memory, most)
        if groups:
            return cls(memory, most, settings.limits.log * 2**20, groups[0], groups)
        folder = _folder(settings, name)
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        folder.chmod(0o755)
        (folder / "memory.max").write_text(str(memory))
        (folder / "memory.events").write_text("oom_kill 0\n")
        for file in folder.iterdir():
            file.chmod(0o644)
        return cls(memory, most, settings.limits.log * 2**20, folder)

    @property
    def entrance(self) -> tuple[str, ...]:
        """The files that take a process into the control groups."""
        return tuple(str(group / "cgroup.procs") for group in self.groups)

    def look(self, roots: list[Process], log: Path | None) -> None:
        """Look after what runs: its memory where the kernel does not, and its log."""
        if log is not None:
            trim(log, self.log)
        if not self.groups:
            self._look_at_memory(roots)

    def _look_at_memory(self, roots: list[Process]) -> None:
        used = {one: memory_of(one) for root in roots for one in tree(root)}
        if sum(used.values()) <= self.memory:
            return
        largest = max(used, key=lambda one: used[one])
        count = told.killed(self.folder) + 1
        (self.folder / "memory.events").write_text(f"oom_kill {count}\n")
        largest.kill(signal.SIGKILL)

    @property
    def how_it_ended(self) -> str | None:
        """How it ended, if it was for its memory."""
        return told.ended(self.folder) if told.killed(self.folder) else None

    @staticmethod
    def forget(settings: Settings, name: str) -> None:
        """Remove what was made for the limits of something that has ended."""
        cgroups.remove(_group(settings, name))
        shutil.rmtree(_folder(settings, name), ignore_errors=True)

    def to_state(self) -> dict[str, Any]:
        """Return what finds them again, as JSON."""
        return {
            "memory": self.memory,
            "processes": self.processes,
            "log": self.log,
            "folder": str(self.folder),
            "groups": [str(group) for group in self.groups],
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Limits:
        """Return the limits that were written down."""
        groups = tuple(Path(group) for group in state["groups"])
        folder = Path(state["folder"])
        return cls(state["memory"], state["processes"], state["log"], folder, groups)


def shares_processes() -> bool:
    """Say whether the kernel counts the processes of all sandboxes of this platform together."""
    return owner.drops() and cgroups.place() is None


def half_of_all_processes() -> int:
    """Return half of the processes and threads that this machine can have."""
    kernel = Path("/proc/sys/kernel")
    return min(int((kernel / name).read_text()) for name in ("pid_max", "threads-max")) // 2


def _group(settings: Settings, name: str) -> str:
    """Return the name of a control group: others' data directories have the same names in them."""
    return hashlib.sha256(f"{settings.data_dir}\0{name}".encode()).hexdigest()[:24]


def _folder(settings: Settings, name: str) -> Path:
    return settings.data_dir / "run" / "limits" / _group(settings, name)


def size(text: str) -> int:
    """Return a size in Spark's words (`2g`; without a unit MiB) in bytes, 0 for what is none."""
    found = _SIZE.fullmatch(text)
    return int(found[1]) * _UNITS[found[2].lower()] if found else 0


def of_driver(conf: dict[str, str], settings: Settings) -> int:
    """Return how many bytes a driver with these properties may use with all its processes."""
    asked = size(conf.get("spark.driver.memory", SPARK_DRIVER_MEMORY))
    beside = sum(size(conf.get(name, "")) for name in BESIDE)
    return asked + max(beside, settings.limits.driver_extra * 2**20)


def trim(log: Path, limit: int) -> None:
    """Cut the middle out of a log that is too large, and say so in it.

    Whoever writes to it appends: what it writes meanwhile may be lost, and is as much as was cut.
    """
    try:
        descriptor = os.open(log, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return
    with os.fdopen(descriptor, "r+b") as stream:
        whole = os.fstat(stream.fileno()).st_size
        if whole <= limit:
            return
        kept = min(LOG_KEPT, limit // 4)
        head = stream.read(kept)
        stream.seek(whole - kept)
        tail = stream.read(kept)
        cut = whole - len(head) - len(tail)
        mark = f"\n[hopyard: {cut} bytes were cut here: a log may have {limit // 2**20} MB]\n"
        stream.seek(len(head))
        stream.write(mark.encode() + tail)
        stream.truncate()
