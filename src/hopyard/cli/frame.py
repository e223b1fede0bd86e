"""The addresses and secrets of the platform's processes, kept between runs.

They are kept so that Jupyter servers and Spark drivers that outlive a crash of the platform find
it again; a port that somebody else has taken meanwhile is chosen anew.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import socket
from pathlib import Path
from urllib.parse import urlsplit

from hopyard.cli import addresses
from hopyard.errors import SetupError
from hopyard.settings import Platform, Settings

LOOPBACK = "127.0.0.1"
PORTS = ("proxy_api_url", "hub_url", "web_url", "livy_url")
SECRETS = ("proxy_token", "web_token", "livy_token", "cli_token", "cookie_secret")


def lock(settings: Settings) -> int:
    """Take the data directory for this process; the lock ends with it.

    Raises:
        SetupError: another platform runs with it.
    """
    file = settings.data_dir / "run" / "lock"
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise SetupError(
            f"A platform runs already with the data directory {settings.data_dir}: "
            "stop it first, or set HOPYARD_DATA_DIR to another folder."
        ) from None
    return descriptor


def make_platform(settings: Settings) -> Platform:
    """Return the platform's frame, as it was the last time where that is possible."""
    old = Platform.read(settings) if settings.platform_file.exists() else None
    taken = {settings.port}
    urls: dict[str, str] = {}
    for name in PORTS:
        port = urlsplit(getattr(old, name)).port if old else None
        if port is None or port in taken or not is_free(port):
            port = free_port(taken)
        taken.add(port)
        urls[name] = f"http://{LOOPBACK}:{port}/"
    kept = {name: getattr(old, name) for name in SECRETS} if old else {}
    platform = Platform.model_validate(
        {
            "public_url": addresses.public_url(settings),
            "user_hosts": addresses.user_hosts(settings).pattern,
            **urls,
            **{name: kept.get(name) or secrets.token_hex(32) for name in SECRETS},
        }
    )
    platform.write(settings)
    return platform


def is_free(port: int) -> bool:
    """Say whether a port of loopback can be listened on."""
    try:
        with socket.create_server((LOOPBACK, port)):
            return True
    except OSError:
        return False


def free_port(taken: set[int]) -> int:
    """Return a free port of loopback that is not in `taken`."""
    while True:
        with socket.create_server((LOOPBACK, 0)) as server:
            port = int(server.getsockname()[1])
        if port not in taken:
            return port


def rotate(log: Path, keep: int = 5) -> None:
    """Move a log of the last run aside: NAME.log to NAME.log.1, and so on."""
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for number in range(keep - 1, -1, -1):
        old = log.with_name(f"{log.name}.{number}") if number else log
        if old.exists():
            old.replace(log.with_name(f"{log.name}.{number + 1}"))
