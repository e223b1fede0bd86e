"""The Hub reads no large body of a stranger."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tornado.httpserver import HTTPServer
from tornado.web import Application

from hopyard.hub import bodies


@pytest.fixture
def bounded() -> Iterator[None]:
    bodies.bound()
    yield
    HTTPServer.configure(None)


def test_servers_of_the_hub_are_bounded(bounded: None) -> None:
    # As JupyterHub makes its own.
    server = HTTPServer(Application(), xheaders=True, trusted_downstream=[])
    assert server.conn_params.max_body_size == bodies.LIMIT
    assert server.conn_params.body_timeout == bodies.SECONDS
    assert server.conn_params.header_timeout == bodies.IDLE
