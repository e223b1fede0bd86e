"""What a Python cell leaves behind that would keep its ipykernel from answering.

The kernel flushes `sys.stdout` and `sys.stderr` before each reply: where a cell left none, or one
that fails, it would send none any more. A fork ends with its cell: its reply would be taken for the
kernel's, whose code still runs.
"""

from __future__ import annotations

import os
import sys
from typing import Any


def register(shell: Any) -> None:
    """Put a shell's own streams back around each cell."""
    own = {"stdout": sys.stdout, "stderr": sys.stderr}
    kernel = shell.kernel
    run, owner = kernel.do_execute, os.getpid()

    async def do_execute(*arguments: Any, **named: Any) -> Any:
        _restore(own)  # a thread may have taken them
        failed = True
        try:
            reply = await run(*arguments, **named)
            failed = reply["status"] != "ok"
            return reply
        finally:
            _restore(own)
            if os.getpid() != owner:
                for stream in own.values():
                    stream.flush()
                os._exit(failed)

    kernel.do_execute = do_execute


def _restore(own: dict[str, Any]) -> None:
    for name, stream in own.items():
        found: Any = getattr(sys, name, None)
        if found is stream:
            continue
        try:
            found.write("")
            found.flush()
        except Exception as error:  # whatever an object of the user's raises
            setattr(sys, name, stream)
            why = f"sys.{name} could not be used any longer ({type(error).__name__}: {error})"
            own["stderr"].write(f"{why}: it is the kernel's own again.\n")
