"""Files that a client uploads for a session: into a folder of its own, of bounded size."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import IO

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from hopyard.errors import Conflict, InvalidInput, Unavailable
from hopyard.launchers import owner

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+@-]{0,199}")
OVERHEAD = 10_000
"""Bytes of a request beside the file itself."""


async def receive(request: Request, field: str, folder: Path, limit: int) -> str:
    """Store the file in a field of a form; return its name.

    Raises:
        InvalidInput: there is no file in this field, or its name is not allowed.
        HTTPException: it is larger than `limit` bytes (413).
        Conflict: one of this name was uploaded already (Spark never replaces a file).
        Unavailable: it cannot be stored.
    """
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise InvalidInput(f"No {field} sent!")
    try:
        parser = MultiPartParser(request.headers, _counted(request, limit), max_files=1)
        form = await parser.parse()
    except MultiPartException as error:
        raise InvalidInput(f"The form cannot be read: {error.message}") from None
    except OSError as error:
        raise Unavailable(f"The file cannot be stored: {error.strerror}.") from None
    try:
        sent = form.get(field)
        if not isinstance(sent, UploadFile):
            raise InvalidInput(f"No {field} sent!")
        name = sent.filename or ""
        if not NAME.fullmatch(name):
            raise InvalidInput(
                f"The name {name[:100]!r} is not allowed: letters, digits and _ . + @ - are, "
                "without folders, at most 200."
            )
        await asyncio.to_thread(_store, sent.file, folder, name)
    finally:
        await form.close()
    return name


async def _counted(request: Request, limit: int) -> AsyncGenerator[bytes, None]:
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit + OVERHEAD:
            raise HTTPException(413, f"An uploaded file may have {limit} bytes.")
        yield chunk


def _store(source: IO[bytes], folder: Path, name: str) -> None:
    """Write the file; the session's own code may have put a link in the folder's place."""
    place = None
    try:
        owner.make_folder(folder, 0o700)
        place = os.open(folder, os.O_DIRECTORY | os.O_NOFOLLOW)
        new = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=place)
        with os.fdopen(new, "wb") as target:
            shutil.copyfileobj(source, target)
            owner.inherit_open(place, new)
    except FileExistsError:
        raise Conflict(f"A file {name} was uploaded to this session already.") from None
    except OSError as error:
        if place is not None:
            with contextlib.suppress(OSError):
                os.unlink(name, dir_fd=place)
        raise Unavailable(f"The file cannot be stored: {error.strerror}.") from None
    finally:
        if place is not None:
            os.close(place)
