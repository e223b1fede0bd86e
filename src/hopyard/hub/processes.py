"""Processes that must be found again, and ended with all that they started.

A process is known by its id and the time it started, since ids are used again. Inside a sandbox
the tree is: bubblewrap (ours) → bubblewrap as the first process of its namespace → the program.
Killing that first one makes the kernel kill everything in the namespace.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass

import psutil

Known = tuple[int, float]


@dataclass
class Tree:
    """A started process and what it started.

    Attributes:
        root: the process that we started.
        first: the first process of its namespace, where it runs in a sandbox.
    """

    root: Known
    first: Known | None = None

    @classmethod
    def of(cls, pid: int) -> Tree:
        """Return the tree of a process that was started just now."""
        return cls((pid, psutil.Process(pid).create_time()))

    def find_first(self) -> None:
        """Look for the first process of the namespace, once it is there."""
        if self.first is None and (root := _alive(self.root)):
            with contextlib.suppress(psutil.Error):
                if children := root.children():
                    self.first = (children[0].pid, children[0].create_time())

    @property
    def alive(self) -> bool:
        """Whether the process that we started runs."""
        return _alive(self.root) is not None

    async def end(self, *, sandboxed: bool, seconds: float) -> None:
        """Ask the program to end, then kill what is left of the tree."""
        if sandboxed:
            self.find_first()
        left = self._members()
        program = self._program(sandboxed)
        if program:
            with contextlib.suppress(psutil.Error):
                program.terminate()
            until = time.monotonic() + seconds
            while time.monotonic() < until and (_runs(program) or self.alive):
                left += [one for one in self._members() if one not in left]
                await asyncio.sleep(0.03)
        for one in left:
            if _runs(one):
                with contextlib.suppress(psutil.Error):
                    one.kill()
        until = time.monotonic() + 5
        while any(_runs(one) for one in left) and time.monotonic() < until:
            await asyncio.sleep(0.03)

    def _members(self) -> list[psutil.Process]:
        found: list[psutil.Process] = []
        for top in filter(None, (_alive(self.root), self.first and _alive(self.first))):
            with contextlib.suppress(psutil.Error):
                found += [one for one in (top, *top.children(recursive=True)) if one not in found]
        return found

    def _program(self, sandboxed: bool) -> psutil.Process | None:
        if not sandboxed:
            return _alive(self.root)
        first = _alive(self.first) if self.first else None
        if first is None:
            return None
        with contextlib.suppress(psutil.Error):
            if children := first.children():
                return children[0]
        return None


def _alive(known: Known) -> psutil.Process | None:
    try:
        process = psutil.Process(known[0])
        same = abs(process.create_time() - known[1]) < 0.05
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.Error:
        return None


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
