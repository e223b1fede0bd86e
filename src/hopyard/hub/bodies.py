"""How large a request to the Hub may be: it is read before anybody knows who sends it."""

from __future__ import annotations

from tornado.httpserver import HTTPServer

LIMIT = 1_000_000
"""Bytes of a body; the Hub's forms and its API need far less than Tornado's 100 MB."""
SECONDS = 60.0
"""In which a body has to be here."""


IDLE = 300.0
"""In which a head has to be here; Tornado's hour keeps a connection for whoever never ends one."""


def bound() -> None:
    """Have the server that JupyterHub makes refuse more."""
    HTTPServer.configure(
        None, max_body_size=LIMIT, body_timeout=SECONDS, idle_connection_timeout=IDLE
    )
