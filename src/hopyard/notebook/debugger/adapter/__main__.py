"""debugpy's adapter, started by debugpy in a process of its own; see the package."""

import runpy
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from debugpy import adapter
from debugpy.common import sockets

from hopyard.notebook.debugger.peers import is_near

serve = sockets.serve


def serve_near(
    name: str, handler: Callable[[socket.socket], Any], *words: Any, **named: Any
) -> Any:
    """Serve as debugpy does, but hang up on who connects from elsewhere."""

    def handle(link: socket.socket) -> None:
        if is_near(link):
            handler(link)
        else:
            link.close()

    return serve(name, handle, *words, **named)


sockets.serve = serve_near
sys.path.pop(0)  # our folder
runpy.run_path(str(Path(adapter.__file__).parent), run_name="__main__")
