"""The port of a Livy server that stands alone."""

from __future__ import annotations

import socket

import pytest

from hopyard.cli import livy
from hopyard.errors import SetupError


def test_port_that_is_taken_is_said_with_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(SetupError, match=rf"Port {port} of 127.0.0.1 is taken .* --port"):
            livy._listen("127.0.0.1", port)


def test_address_of_another_machine_is_said() -> None:
    with pytest.raises(SetupError, match=r"Cannot listen on 192\.0\.2\.1:8998"):
        livy._listen("192.0.2.1", 8998)
