"""Starts our Python kernel and its debugger, as JupyterLab does; runs in a project's sandbox."""

from __future__ import annotations

import sys
from typing import Any

from jupyter_client.manager import KernelManager


def main() -> None:
    """Print what the debugger answers, then keep it until stdin ends."""
    manager = KernelManager(kernel_name="python3", transport="ipc")
    manager.start_kernel()
    client = manager.blocking_client()
    client.start_channels()
    client.wait_for_ready(60)

    def ask(number: int, command: str, **arguments: Any) -> dict[str, Any]:
        request = {"type": "request", "seq": number, "command": command, "arguments": arguments}
        client.control_channel.send(client.session.msg("debug_request", request))
        return dict(client.get_control_msg(timeout=60)["content"])

    ask(1, "initialize", clientID="test", adapterID="", linesStartAt1=True, columnsStartAt1=True)
    print(ask(2, "attach")["success"], flush=True)
    sys.stdin.readline()
    print(ask(3, "dumpCell", code="1 + 1")["success"], flush=True)
    manager.shutdown_kernel(now=True)


if __name__ == "__main__":
    main()
