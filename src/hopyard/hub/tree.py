"""A Jupyter server's processes, to be found again and ended with all that they started.

In a sandbox the tree is: bubblewrap (which we started) → bubblewrap as the first process of its
namespace → the program. Killing that first one makes the kernel kill everything in the namespace,
also what no longer descends from it.
"""

from __future__ import annotations

import asyncio
import signal
import time
from dataclasses import dataclass

from hopyard.launchers.processes import Process, find, tree

POLL_SECONDS = 0.03


@dataclass
class ServerTree:
    """A started process and what it started.

    Attributes:
        root: the process that we started.
        first: the first process of its namespace, where it runs in a sandbox.
    """

    root: Process
    first: Process | None = None

    def find_first(self) -> None:
        """Look for the first process of the namespace, once it is there."""
        if self.first is None:
            below = tree(self.root)[1:]
            self.first = below[0] if below else None

    async def end(self, *, sandboxed: bool, seconds: float) -> None:
        """Ask the program to end, then kill what is left of the tree."""
        if sandboxed:
            self.find_first()
        seen = self._members()
        program = self._program(sandboxed)
        if program:
            program.kill(signal.SIGTERM)
            await _until_gone([program, self.root], seconds)
            seen += [one for one in self._members() if one not in seen]
        for one in seen:
            one.kill(signal.SIGKILL)
        await _until_gone(seen, 5)

    def _members(self) -> list[Process]:
        found = tree(self.root)
        if self.first:
            found += [one for one in tree(self.first) if one not in found]
        return [one for one in found if one.runs]

    def _program(self, sandboxed: bool) -> Process | None:
        top = self.first if sandboxed else self.root
        if top is None or not top.runs:
            return None
        members = tree(top)
        return members[1] if sandboxed and len(members) > 1 else members[0]

    def to_state(self) -> dict[str, list[int] | None]:
        """Return what finds it again."""
        first = [self.first.pid, self.first.started] if self.first else None
        return {"root": [self.root.pid, self.root.started], "first": first}

    @classmethod
    def from_state(cls, state: dict[str, list[int] | None]) -> ServerTree:
        """Return the tree that was written down."""
        root, first = state["root"] or [0, 0], state["first"]
        return cls(Process(*root), Process(*first) if first else None)

    @classmethod
    def of(cls, pid: int) -> ServerTree | None:
        """Return the tree of a process that was started just now; None if it ended already."""
        root = find(pid)
        return cls(root) if root else None


async def _until_gone(processes: list[Process], seconds: float) -> None:
    until = time.monotonic() + seconds
    while any(one.runs for one in processes) and time.monotonic() < until:  # noqa: ASYNC110 - nothing tells
        await asyncio.sleep(POLL_SECONDS)
