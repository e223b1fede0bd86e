"""Ending a server ends all that it started."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from hopyard.hub.tree import ServerTree
from hopyard.launchers.processes import find
from hopyard.launchers.sandbox import Sandbox
from tests.platform import until

# A program that starts another, in a session of its own, and does not listen to SIGTERM.
STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"],
                         start_new_session=True)
print("ready", flush=True)
time.sleep(60)
"""


async def test_stubborn_program_is_killed_with_its_children() -> None:
    process = subprocess.Popen([sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE)
    assert process.stdout
    assert process.stdout.readline() == b"ready\n"
    tree = ServerTree.of(process.pid)
    assert tree
    members = tree._members()
    assert len(members) == 2
    await tree.end(sandboxed=False, seconds=0.2)
    assert not any(one.runs for one in members)
    process.wait(5)
    process.stdout.close()


async def test_namespace_ends_though_its_monitor_was_killed(tmp_path: Path) -> None:
    command = Sandbox(writable={tmp_path: "/project"}).wrap([sys.executable, "-c", STUBBORN])
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout
    assert process.stdout.readline() == b"ready\n"
    tree = ServerTree.of(process.pid)
    assert tree
    tree.find_first()
    found = ServerTree.from_state(tree.to_state())
    assert found == tree
    members = tree._members()
    assert len(members) == 4
    process.kill()
    process.wait(5)
    assert any(one.runs for one in members)
    await found.end(sandboxed=True, seconds=0.2)

    async def gone() -> bool:
        return not any(one.runs for one in members)

    await until("all are gone", gone, 5)
    process.stdout.close()


def test_number_used_again_is_another_process() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    tree = ServerTree.of(process.pid)
    assert tree
    other = ServerTree.from_state({"root": [process.pid, tree.root.started - 1], "first": None})
    assert not other.root.runs
    process.communicate(b"\n")
    assert find(process.pid) is None
