"""How the Python kernel's threads hand over what a cell says: as seldom as its order allows.

In ipykernel one thread sends all that is published. Each message and each flush wakes it, and it
takes Python's lock from the code that runs: a cell `1+1` waited for it six times, with nothing to
flush, and that was a quarter of its time.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import Any

FLUSH_INTERVAL = 0.03
"""Seconds that output of a running cell waits in the kernel for more of it."""


def register(shell: Any) -> None:
    """Set up a shell's streams, and what its kernel publishes."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush_interval = FLUSH_INTERVAL  # type: ignore[union-attr]
    # Once in each cell: what libraries in C and child processes print comes by a thread, too.
    shell.events.register("post_execute", sys.stdout.flush)
    for stream in (sys.stdout, sys.stderr):
        flush_when_needed(stream)
    _publish_what_is_read(shell.kernel)


def flush_when_needed(stream: Any) -> None:
    """Let a stream's `flush` wait only when there is something to send.

    In a fork it does not wait at all, for the thread is not there. Forks flush before Python itself
    knows that they have one thread only: they let go of what the others had, and what is let go of
    may write to a log.
    """
    owner, taking = os.getpid(), threading.RLock()
    wait, take = stream.flush, stream._flush

    def taken() -> None:
        """Take the text that waits and put it into the thread's queue."""
        if os.getpid() == owner:
            with taking:
                take()
        else:
            take()

    def flush() -> None:
        if os.getpid() != owner:
            take()
        elif stream._flush_pending or stream.pub_thread._events:
            wait()
        else:
            # The thread may just have taken text: what is published next must come after it.
            with taking:
                pass

    stream._flush, stream.flush = taken, flush


def _publish_what_is_read(kernel: Any) -> None:
    """Leave out what the agent, which alone listens, would not look at."""
    publish = kernel._publish_status

    def published(status: str, *arguments: Any, **named: Any) -> None:
        if status != "busy":
            publish(status, *arguments, **named)

    kernel._publish_status = published
    kernel._publish_execute_input = lambda *arguments, **named: None
