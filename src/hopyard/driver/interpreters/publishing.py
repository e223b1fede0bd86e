"""What the Python kernel publishes: no more than the agent, which alone listens, reads."""

from __future__ import annotations

import sys
from typing import Any


def register(shell: Any) -> None:
    """Set up a shell's streams, and what its kernel publishes."""
    # Also when the code has put other streams into their place.
    for stream in (sys.stdout, sys.stderr):
        shell.events.register("post_execute", stream.flush)
    _publish_what_is_read(shell.kernel)


def _publish_what_is_read(kernel: Any) -> None:
    """Leave the rest out."""
    publish = kernel._publish_status

    def published(status: str, *arguments: Any, **named: Any) -> None:
        if status != "busy":
            publish(status, *arguments, **named)

    kernel._publish_status = published
    kernel._publish_execute_input = lambda *arguments, **named: None
