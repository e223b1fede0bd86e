"""Looks after the limits of a Jupyter server as long as it runs: its memory, its log."""

from __future__ import annotations

import asyncio
from pathlib import Path

from hopyard.hub.tree import ServerTree
from hopyard.launchers.limits import Limits

LOOK_SECONDS = 1.0


async def look_after(limits: Limits, tree: ServerTree, log: Path) -> None:
    """Look every second until the server has ended."""
    while roots := [one for one in (tree.root, tree.first) if one and one.runs]:
        await asyncio.to_thread(limits.look, roots, log)
        await asyncio.sleep(LOOK_SECONDS)
