"""Server extension: hands the key of the configured repository to Git, and of no other one.

The key is asked from the platform each time (`hopyard.ask`), with the server's own token, and kept
nowhere. The socket lies in a folder that only this server's user can enter.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from hopyard import ask
from hopyard.errors import HopyardError
from hopyard.notebook.git.configuration import SOCKET, Repository

ASKING_SECONDS = 10.0
LFS = "/info/lfs"
Secret = Callable[[str], str]
"""Returns the value of the member's secret of this name."""


def is_for(repository: Repository, asked: Mapping[str, Any]) -> bool:
    """Say whether Git asks for this repository: scheme, host with port, whole path."""
    url = urlsplit(repository.url)
    path = unquote(str(asked.get("path", ""))).strip("/").removesuffix(LFS)
    return (
        asked.get("protocol") == url.scheme
        and str(asked.get("host", "")).lower() == url.netloc.lower()
        and path == unquote(url.path).strip("/")
    )


def answer(repository: Repository, asked: Mapping[str, Any], secret: Secret) -> dict[str, str]:
    """Return what the helper is told: name and key, why there are none, or nothing at all."""
    if repository.secret is None or not is_for(repository, asked):
        return {}
    try:
        value = secret(repository.secret).strip()
    except HopyardError as error:
        return {"fault": f"No API key for {repository.url}: {error}"}
    if not value or not value.isprintable():
        return {"fault": f"The secret {repository.secret!r} is no API key: it has several lines."}
    return {"username": repository.username, "password": value}


async def serve(repository: Repository, place: Path, secret: Secret) -> asyncio.Server:
    """Listen on a socket of which only this user knows."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            line = await asyncio.wait_for(reader.readline(), ASKING_SECONDS)
            asked = json.loads(line)
            told = await asyncio.to_thread(answer, repository, asked, secret)
            writer.write(json.dumps(told).encode() + b"\n")
            await writer.drain()
        except (OSError, ValueError, AttributeError, TimeoutError):
            pass  # who asks so gets nothing
        finally:
            writer.close()

    server = await asyncio.start_unix_server(talk, place)
    place.chmod(0o600)
    return server


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "hopyard.notebook.git.key"}]


def _load_jupyter_server_extension(serverapp: Any) -> None:
    """Listen as soon as the server runs."""
    repository = Repository.of(os.environ)
    if repository is None:
        return
    place = Path(os.environ["JUPYTER_RUNTIME_DIR"]) / SOCKET

    async def begin() -> None:
        # The reference keeps the server alive.
        serverapp.hopyard_git_key = await serve(
            repository, place, lambda name: ask.secret(name, None)
        )

    serverapp.io_loop.add_callback(begin)
