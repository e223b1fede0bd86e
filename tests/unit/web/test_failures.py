"""Failures of the machine and of our own, as the two servers answer them."""

from __future__ import annotations

import errno
from collections.abc import Callable

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from hopyard.livy import errors
from hopyard.store.engine import FULL
from hopyard.web import failures

SERVERS = pytest.mark.parametrize("install", [failures.install, errors.install])


def app_of(install: Callable[[FastAPI], None], error: Exception) -> FastAPI:
    app = FastAPI()
    install(app)

    @app.get("/api/fails")
    async def fail() -> None:
        raise error

    return app


@SERVERS
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_full_disk_is_an_answer_and_no_fault(
    install: Callable[[FastAPI], None], number: int
) -> None:
    # What leaves the application ends the connection, and with it the next request of the proxy.
    app = app_of(install, OSError(number, "full"))
    with TestClient(app, raise_server_exceptions=True) as client:
        answer = client.get("/api/fails")
    assert answer.status_code == 503
    assert FULL in answer.text
    assert answer.headers["retry-after"] == "5"
    assert "connection" not in answer.headers


@SERVERS
@pytest.mark.parametrize("error", [OSError(errno.EIO, "x"), ZeroDivisionError()])
def test_fault_of_our_own_says_that_the_connection_ends(
    install: Callable[[FastAPI], None], error: Exception
) -> None:
    with TestClient(app_of(install, error), raise_server_exceptions=False) as client:
        answer = client.get("/api/fails")
    assert answer.status_code == 500
    assert answer.headers["connection"] == "close"
