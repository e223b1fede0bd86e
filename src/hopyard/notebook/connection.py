"""The Jupyter server's end of a browser's connection to a kernel: small messages go at once.

Tornado gathers small messages until the ones before are acknowledged (Nagle's algorithm), and the
other side acknowledges up to 40 ms late. A cell is five small messages: each cell took 40 ms more.
"""

from __future__ import annotations

from typing import Any

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection


class PromptConnection(ZMQChannelsWebsocketConnection):  # type: ignore[misc]
    """A kernel's connection that waits for nothing."""

    def connect(self) -> Any:
        """Connect the browser with the kernel."""
        self.websocket_handler.set_nodelay(True)
        return super().connect()
