"""`python -m hopyard.hub --config FILE`: JupyterHub, on the socket that was handed down."""

from __future__ import annotations

from typing import Any

from jupyterhub.app import JupyterHub
from tornado.tcpserver import TCPServer

from hopyard import handed


def main() -> None:
    """Run the Hub until it is told to end."""
    listen = TCPServer.listen

    def take_or_listen(server: Any, port: int, *arguments: Any, **named: Any) -> None:
        if found := handed.take(port):
            found.setblocking(False)
            server.add_socket(found)
        else:
            listen(server, port, *arguments, **named)

    TCPServer.listen = take_or_listen
    JupyterHub.launch_instance()


if __name__ == "__main__":
    main()
