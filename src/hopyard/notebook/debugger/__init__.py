"""The debugger of Python notebooks: its port serves nobody but its own sandbox.

JupyterLab's debugger is debugpy's adapter, a process that listens on loopback and asks for nothing:
whoever attaches can run code in the kernel. As an IPython extension this puts our own adapter in
its place, which is debugpy's with a look at who connects.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

ADAPTER = Path(__file__).parent / "adapter" / "__main__.py"


def load_ipython_extension(shell: Any) -> None:
    """Let debugpy start our adapter, once somebody turns the debugger on."""
    try:
        from debugpy.server import api
    except ImportError:
        return  # then there is no debugger
    # All that it is asked for is the folder that the adapter is started from.
    vars(api)["adapter"] = SimpleNamespace(__file__=str(ADAPTER))
