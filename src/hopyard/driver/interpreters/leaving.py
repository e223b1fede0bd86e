"""`exit()`, `quit()` and `sys.exit()` in a Python cell: they end the cell, and say so.

The session stays. IPython would end the kernel a moment later, in the middle of the next cell.
"""

from __future__ import annotations

import sys
import warnings
from typing import Any, NoReturn

GOES_ON = (
    "The cell ended here. The session goes on with its variables; it ends with its notebook's "
    "kernel, or when it is deleted."
)


def register(shell: Any) -> None:
    """Let a shell end cells so."""
    show = shell.showtraceback

    def shown(exc_tuple: Any = None, *arguments: Any, **named: Any) -> None:
        etype, value, _ = exc_tuple or sys.exc_info()
        if isinstance(value, SystemExit):
            name = f"SystemExit: {value}" if str(value) else "SystemExit"
            shell._showtraceback(etype, value, [f"{name}\n", f"{GOES_ON}\n"])
        else:
            show(exc_tuple, *arguments, **named)

    shell.showtraceback = shown
    shell.ask_exit = _leave  # of `exit` and `quit`
    warnings.filterwarnings("ignore", message="To exit: use 'exit'", category=UserWarning)


def _leave() -> NoReturn:
    raise SystemExit
