"""A DataFrame's rows, sent home as one Arrow stream.

Spark hands the batches out as its tasks end, in any order, and says their order last. So they go
to a file first (deleted already, it has no name): memory stays small however many rows there are,
and a job that fails is an answer instead of half a stream.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import io
import json
import logging
import socket
import struct
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import IO, Any
from urllib.parse import urlsplit

from hopyard.driver import casts
from hopyard.driver.interpreters.base import CannotStart, InterpreterDied, NoFrame
from hopyard.driver.interpreters.registry import Interpreters
from hopyard.driver.outbox import Outbox
from hopyard.driver.spark import SparkFailed, java_reason
from hopyard.driver.whereabouts import url_of
from hopyard.driver.workspace import Workspace
from hopyard.protocol.arrow import TEXTS
from hopyard.protocol.messages import Answer, Fetch, RoomConfig

log = logging.getLogger("hopyard.driver")

AT_ONCE = 2
PIECE = 1 << 20
PATIENCE = 120.0
"""Seconds that home may take to accept a piece; more than it waits itself for its client."""
END = struct.pack("<II", 0xFFFFFFFF, 0)
"""How an Arrow stream ends."""


@dataclass(frozen=True)
class _Part:
    """One message of the stream in the file."""

    begin: int
    size: int


class Frames:
    """Answers `fetch`.

    Args:
        config: where home is.
        folder: for scratch files; None: where they usually are.
        workspace: the session's part of the Spark application.
        interpreters: whose DataFrames they are.
        outbox: for what cannot be sent.
    """

    def __init__(
        self,
        config: RoomConfig,
        folder: str | None,
        workspace: Workspace,
        interpreters: Interpreters,
        outbox: Outbox,
    ) -> None:
        self._config = config
        self._folder = folder
        self._workspace = workspace
        self._interpreters = interpreters
        self._outbox = outbox
        self._threads = ThreadPoolExecutor(AT_ONCE, "frames")

    async def send(self, message: Fetch) -> None:
        """Send a DataFrame home, or say why not."""
        from py4j.protocol import Py4JError, Py4JJavaError

        problem = "failed"
        try:
            frame = await self._find(message)
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._threads, self._send, message, frame)
            return
        except NoFrame as error:
            problem, reason = ("busy" if error.busy else "missing"), str(error)
        except (CannotStart, InterpreterDied, SparkFailed) as error:
            reason = str(error)
        except Py4JJavaError as error:
            reason = f"Spark cannot compute this DataFrame: {java_reason(error)}"
        except (Py4JError, OSError, http.client.HTTPException) as error:
            reason = f"The DataFrame cannot be sent: {error}"
        except Exception as error:  # whatever it is: who asked waits
            log.exception("a DataFrame cannot be sent")
            reason = f"The DataFrame cannot be sent: {type(error).__name__}: {error}"
        log.info("no DataFrame sent: %s", reason)
        content = {"problem": problem, "reason": reason}
        self._outbox.put(Answer(request=message.request, content=content))

    async def drop(self, request: str) -> None:
        """Stop the Spark jobs of a `fetch` that nobody waits for."""
        await self._workspace.spark.cancel(_group(request))

    async def _find(self, message: Fetch) -> Any:
        interpreter = await self._interpreters.ready(message.kind)
        return await interpreter.frame(self._workspace.group(message.statement), message.name)

    def _send(self, message: Fetch, frame: Any) -> None:
        if message.limit is not None:
            frame = frame.limit(message.limit)
        context = self._workspace.session.sparkContext()
        context.setJobGroup(_group(message.request), "Rows for a client (Arrow)", True)
        spark = self._workspace.spark
        frame, texts = casts.plain(spark, frame)
        zone = casts.zone(spark, frame.sparkSession(), frame)
        with tempfile.TemporaryFile(dir=self._folder) as file:
            parts = _collect(frame, file)
            if texts or zone:
                parts[0] = _schema(file, parts[0], texts, zone)
            _post(self._config, message.request, file, parts)


def _group(request: str) -> str:
    return f"hopyard-fetch-{request}"


def _collect(frame: Any, file: IO[bytes]) -> list[_Part]:
    """Let Spark compute a DataFrame into a file; return its messages in their order."""
    place, secret, server = frame.collectAsArrowToPython()
    with _connect(place, secret) as connection:
        stream = connection.makefile("rb")
        try:
            messages = list(_messages(stream, file))
            # The schema, then the batches as they came; now their order.
            (count,) = struct.unpack("!i", _read(stream, 4))
            order = struct.unpack(f"!{count}i", _read(stream, 4 * count)) if count > 0 else ()
        except OSError:
            server.getResult()  # Spark's own reason, if it has one
            raise
    server.getResult()  # raises what the job failed with: the stream alone looks complete
    return [messages[0], *(messages[1 + index] for index in order)]


def _schema(
    file: IO[bytes], part: _Part, texts: list[tuple[str, str]], zone: tuple[str, str] | None
) -> _Part:
    """Write the stream's schema anew: with a time zone that clients know, and what became text."""
    import pyarrow

    file.seek(part.begin)
    schema = pyarrow.ipc.read_schema(pyarrow.py_buffer(file.read(part.size)))
    if zone is not None:
        schema = pyarrow.schema([_in_zone(field, *zone) for field in schema])
    if texts:
        schema = schema.with_metadata({TEXTS: json.dumps(texts)})
    message = schema.serialize().to_pybytes()
    begin = file.seek(0, io.SEEK_END)
    file.write(message)
    return _Part(begin, len(message))


def _in_zone(field: Any, before: str, after: str) -> Any:
    """Return a field whose times are in another zone, at every depth; the values are the same."""
    import pyarrow

    kind, types = field.type, pyarrow.types
    if types.is_timestamp(kind) and kind.tz == before:
        return field.with_type(pyarrow.timestamp(kind.unit, after))
    inner = [_in_zone(kind.field(number), before, after) for number in range(kind.num_fields)]
    if types.is_struct(kind):
        return field.with_type(pyarrow.struct(inner))
    if types.is_list(kind):
        return field.with_type(pyarrow.list_(inner[0]))
    if types.is_map(kind):
        return field.with_type(
            pyarrow.map_(
                _in_zone(kind.key_field, before, after), _in_zone(kind.item_field, before, after)
            )
        )
    return field


def _connect(place: int | str, secret: str | None) -> socket.socket:
    """Connect to where Spark serves a result: a port of this machine, or a file."""
    if secret is None:
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(place))
        return connection
    connection = socket.create_connection(("127.0.0.1", int(place)), timeout=PATIENCE)
    connection.settimeout(None)  # the job may be silent for long
    shown = secret.encode()
    connection.sendall(struct.pack("!i", len(shown)) + shown)
    (length,) = struct.unpack("!i", connection.recv(4, socket.MSG_WAITALL))
    if connection.recv(length, socket.MSG_WAITALL) != b"ok":
        connection.close()
        raise OSError("Spark does not accept this connection.")
    return connection


def _messages(stream: IO[bytes], file: IO[bytes]) -> Iterator[_Part]:
    """Copy the messages of an Arrow stream to a file, up to its end.

    https://arrow.apache.org/docs/format/Columnar.html#encapsulated-message-format
    """
    while (head := _read(stream, 8)) != END:
        begin = file.tell()
        metadata = _read(stream, struct.unpack("<II", head)[1])
        file.write(head + metadata)
        left = _body_length(metadata)
        while left:
            piece = _read(stream, min(left, PIECE))
            file.write(piece)
            left -= len(piece)
        yield _Part(begin, file.tell() - begin)


def _body_length(metadata: bytes) -> int:
    """Return how many bytes follow a message's metadata: the fourth field of its flatbuffer."""
    (table,) = struct.unpack_from("<I", metadata)
    fields = table - struct.unpack_from("<i", metadata, table)[0]
    (size,) = struct.unpack_from("<H", metadata, fields)
    place = struct.unpack_from("<H", metadata, fields + 10)[0] if size > 10 else 0
    return int(struct.unpack_from("<q", metadata, table + place)[0]) if place else 0


def _read(stream: IO[bytes], size: int) -> bytes:
    found = stream.read(size)
    if len(found) < size:
        raise OSError("Spark ended the stream too early.")
    return found


def _post(config: RoomConfig, request: str, file: IO[bytes], parts: list[_Part]) -> None:
    """Send the parts of a file home as the body of one request."""
    home = urlsplit(url_of(config))
    kind = http.client.HTTPSConnection if home.scheme == "wss" else http.client.HTTPConnection
    connection = kind(home.hostname or "", home.port, timeout=PATIENCE)
    headers = {
        "Authorization": f"Bearer {config.secret}",
        "Content-Type": "application/vnd.apache.arrow.stream",
        "Content-Length": str(sum(part.size for part in parts) + len(END)),
    }
    with contextlib.closing(connection):
        body = _pieces(file, parts)
        connection.request("POST", f"{home.path}/arrow/{request}", body=body, headers=headers)
        answer = connection.getresponse()
        if answer.status != 204:
            raise OSError(f"home answers {answer.status}")


def _pieces(file: IO[bytes], parts: list[_Part]) -> Iterator[bytes]:
    for part in parts:
        file.seek(part.begin)
        left = part.size
        while left:
            piece = file.read(min(left, PIECE))
            yield piece
            left -= len(piece)
    yield END
