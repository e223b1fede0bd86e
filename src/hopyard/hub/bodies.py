"""How large a request to the Hub may be: it is read before anybody knows who sends it."""

from __future__ import annotations

from tornado.httpserver import HTTPServer

LIMIT = 1_000_000
"""Bytes of a body; the Hub's forms and its API need far less than Tornado's 100 MB."""
SECONDS = 60.0
"""In which a body has to be here."""


def bound() -> None:
    """Have the server that JupyterHub makes refuse more."""
    HTTPServer.configure(None, max_body_size=LIMIT, body_timeout=SECONDS)
