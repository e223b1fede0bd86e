"""Start the pages and the REST API."""

from __future__ import annotations

from urllib.parse import urlsplit

import uvicorn

from hopyard import handed, log
from hopyard.cli.heads import BoundedHeads
from hopyard.settings import Platform, Settings
from hopyard.web.app import create_app


def serve(settings: Settings, platform: Platform) -> None:
    """Serve until the process is told to end."""
    log.configure(settings.log_level)
    address = urlsplit(platform.web_url)
    host, port = address.hostname or "127.0.0.1", address.port or 80
    listening = handed.take(port) or handed.make(host, port)
    config = uvicorn.Config(
        create_app(settings, platform),
        http=BoundedHeads,
        log_config=None,
        access_log=False,
        server_header=False,
        # Only the proxy on this machine reaches us, and nothing here depends on what it forwards.
        proxy_headers=False,
        # Longer than livy keeps an idle connection: one that ends as it is used again is a 503.
        timeout_keep_alive=75,
        # Event streams never end by themselves: a stop does not wait for them.
        timeout_graceful_shutdown=1,
    )
    uvicorn.Server(config).run(sockets=[listening])
