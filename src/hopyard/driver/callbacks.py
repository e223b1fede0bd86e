"""The port where Java calls Python back (`foreachBatch`, streaming listeners) asks for a secret.

PySpark opens it without one, on a port that every process of the machine can reach: whoever speaks
py4j's protocol to it could call, or drop, the functions of a running query.
"""

from __future__ import annotations

import secrets
from typing import Any


def guard() -> None:
    """Let PySpark open its callback port with a secret of its own from now on."""
    from pyspark import java_gateway

    open_port = java_gateway.ensure_callback_server_started

    def open_guarded(gateway: Any) -> None:
        # Not getattr(): a gateway takes every unknown name for one of Java's.
        if gateway.__dict__.get("_callback_server") is not None:
            return
        secret = secrets.token_hex(32)
        gateway.callback_server_parameters.auth_token = secret
        open_port(gateway)
        _tell_java(gateway, secret)

    java_gateway.ensure_callback_server_started = open_guarded


def _tell_java(gateway: Any, secret: str) -> None:
    """Give the secret to the client in the JVM that calls back.

    py4j makes that client anew when it learns the port, and then forgets every secret; it has no
    method to set one.
    """
    from py4j.java_gateway import JavaObject

    client = JavaObject("GATEWAY_SERVER", gateway._gateway_client).getCallbackClient()
    field = gateway.jvm.java.lang.Class.forName("py4j.CallbackClient").getDeclaredField("authToken")
    field.setAccessible(True)
    field.set(client, secret)
