"""Starting processes that never outlive us, and waiting for their end without a thread."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import subprocess
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(signum: int) -> None:
    """Ask the kernel of this machine to send us `signum` once the process that started us died."""
    _libc.prctl(_PR_SET_PDEATHSIG, signum, 0, 0, 0)


def child_setup(signum: int) -> Callable[[], None]:
    """Return what a new child does before it becomes its program.

    It outlives `execve`, so it also holds for a program that a shell script ends in (spark-submit).
    """
    parent = os.getpid()

    def setup() -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        die_with_parent(signum)
        if os.getppid() != parent:  # it died before we asked
            os._exit(1)

    return setup


async def ended(process: subprocess.Popen[bytes]) -> int:
    """Wait for the end of a process; return its exit code as `Popen` gives it."""
    code = process.poll()
    if code is not None:
        return code
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    descriptor = os.pidfd_open(process.pid)
    try:
        loop.add_reader(descriptor, over.set)
        await over.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
    return process.wait()


def kill_group(process: subprocess.Popen[bytes], signum: int = signal.SIGKILL) -> None:
    """Send a signal to a process that leads its own group, and to the group."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signum)


def exit_words(code: int) -> str:
    """Say how a process ended: "exit code 1" or "signal SIGSEGV"."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"
