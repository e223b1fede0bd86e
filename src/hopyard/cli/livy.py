"""Start the Livy server, as a part of the platform or alone."""

from __future__ import annotations

import errno
import fcntl
import logging
import shlex
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import uvicorn

from hopyard import handed, log
from hopyard.cli import machine, token
from hopyard.cli.heads import BoundedHeads
from hopyard.errors import SetupError
from hopyard.launchers import sandbox
from hopyard.launchers.base import Launcher
from hopyard.livy.access import is_loopback
from hopyard.livy.app import create_app
from hopyard.protocol.messages import largest_frame
from hopyard.settings import Platform, Settings
from hopyard.store.engine import held, migrate

RELEASE_SECONDS = 5.0
"""How long Postgres may take to see that a server that was killed is gone."""


def serve(
    settings: Settings,
    platform: Platform | None,
    *,
    host: str = "127.0.0.1",
    port: int = 8998,
    token_file: Path | None = None,
    no_token: bool = False,
    launcher: Launcher | None = None,
) -> None:
    """Serve until the process is told to end, which ends the sessions too.

    Raises:
        SetupError: it would be open to other machines without sign-in, or there is no sandbox.
    """
    log.configure(settings.log_level)
    if platform is not None:
        address = urlsplit(platform.livy_url)
        host, port = address.hostname or "127.0.0.1", address.port or 80
    else:
        _check_tokens(host, token_file, no_token=no_token)
        machine.make_data_dir(settings.data_dir)
        machine.check_java()
        if settings.isolation == "sandbox":
            sandbox.check(machine.hidden(settings))
        else:
            machine.check_account()
        migrate(settings.database)
        if token_file is None and not no_token:
            token_file = token.make(settings.data_dir / "run")
    logging.getLogger("aiosqlite").setLevel("INFO")
    # Both before anything is recovered: a second server must not touch the first one's sessions.
    with _only_one(settings), _only_one_of_database(settings), _listen(host, port) as listening:
        port = listening.getsockname()[1]
        near = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104
        base = f"http://[{near}]:{port}/" if ":" in near else f"http://{near}:{port}/"
        config = uvicorn.Config(
            create_app(settings, platform, base_url=base, token_file=token_file, launcher=launcher),
            http=BoundedHeads,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            ws_max_size=largest_frame(settings.livy.output_limit),
            ws_per_message_deflate=False,
            # A connection that only looks open is found out in this time.
            ws_ping_interval=5,
            ws_ping_timeout=10,
            # Clients pause between cells: a new connection each time costs them milliseconds.
            timeout_keep_alive=75,
            # Held GETs and event streams are not waited for.
            timeout_graceful_shutdown=1,
        )
        if platform is None:
            print(f"The Livy server listens at {base}", flush=True)
            _say_who_may(token_file, base)
        uvicorn.Server(config).run(sockets=[listening])


def _check_tokens(host: str, token_file: Path | None, *, no_token: bool) -> None:
    if token_file is not None and no_token:
        raise SetupError("Give --token-file or --no-token, not both.")
    if token_file is None and not is_loopback(host):
        raise SetupError(
            f"Without a token file this server may not listen on {host}: "
            "give one with --token-file, or listen on 127.0.0.1."
        )


def _say_who_may(token_file: Path | None, base: str) -> None:
    """Say beside the address how to get in; the token itself to a person alone, never to a log."""
    if token_file is None:
        words = (
            "Without a token: everybody with an account on this machine can run code here as you, "
            "and see and end your sessions."
        )
    elif token_file.name != token.NAME:
        words = f"Who may use it is in {token_file}."
    else:
        bearer = f"$(cut -d' ' -f2 {shlex.quote(str(token_file))})"
        words = f"Its token is in {token_file}:\n"
        words += f'  curl -H "Authorization: Bearer {bearer}" {base}sessions'
        if sys.stdout.isatty():
            words += f"\nToken: {token.read(token_file)}"
    print(words, flush=True)


def _listen(host: str, port: int) -> socket.socket:
    try:
        return handed.take(port) or handed.make(host, port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise SetupError(
                f"Port {port} of {host} is taken by another program: end it, or choose another "
                "port with --port. Sessions that run find the server at its new address."
            ) from None
        raise SetupError(f"Cannot listen on {host}:{port}: {error.strerror}.") from None


@contextmanager
def _only_one(settings: Settings) -> Iterator[None]:
    """Refuse to be the second server on one data directory."""
    file = settings.data_dir / "run" / "livy.lock"
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with file.open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise SetupError(
                f"Another Livy server runs with the data directory {settings.data_dir}."
            ) from None
        yield


@contextmanager
def _only_one_of_database(settings: Settings) -> Iterator[None]:
    """Refuse to be the second server on one database, with a data directory of its own."""
    end = time.monotonic() + RELEASE_SECONDS
    while True:
        with held(settings.database, "livy") as mine:
            if mine:
                yield
                return
        if time.monotonic() > end:
            raise SetupError(
                "Another Livy server uses this database: each needs one of its own "
                "(HOPYARD_DATABASE_URL), or end the other."
            )
        time.sleep(0.2)
