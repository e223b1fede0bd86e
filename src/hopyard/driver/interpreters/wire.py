"""Jupyter's wire protocol (5.4), as much as the agent needs of it.

Not through jupyter_client: its import takes a third of a second of each session's start.
https://jupyter-client.readthedocs.io/en/stable/messaging.html#wire-protocol
"""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

DELIMITER = b"<IDS|MSG>"


@dataclass(frozen=True)
class Message:
    """A message from a kernel."""

    type: str
    parent: str
    """The id of the request that it belongs to."""
    content: dict[str, Any]
    fault: str | None = None
    """Why its content cannot be read."""


class Wire:
    """Makes and reads signed messages of one connection."""

    def __init__(self, key: bytes) -> None:
        self._key = hmac.new(key, digestmod=hashlib.sha256)
        self._session = uuid.uuid4().hex
        self._count = 0

    def request(
        self, kind: str, content: dict[str, Any], metadata: dict[str, Any] | None = None
    ) -> tuple[str, list[bytes]]:
        """Make a request; return its id and its frames."""
        self._count += 1
        identity = f"{self._session}_{self._count}"
        header = {
            "msg_id": identity,
            "msg_type": kind,
            "session": self._session,
            "username": "hopyard",
            "date": datetime.now(UTC).isoformat(),
            "version": "5.4",
        }
        parts = [json.dumps(part).encode() for part in (header, {}, metadata or {}, content)]
        return identity, [DELIMITER, self._sign(parts), *parts]

    def read(self, frames: list[bytes]) -> Message | None:
        """Read a message; None when it is not signed with our key, or belongs to nothing."""
        if DELIMITER not in frames:
            return None
        signed = frames[frames.index(DELIMITER) + 1 :][:5]
        if len(signed) < 5:
            return None
        signature, *parts = signed
        if not hmac.compare_digest(self._sign(parts), signature):
            return None
        # The kernel's own, but from any process that has its key.
        header, parent, _, content = parts
        try:
            kind, request = str(_read(header)["msg_type"]), str(_read(parent).get("msg_id", ""))
        except (ValueError, KeyError, RecursionError):
            return None
        try:
            return Message(kind, request, _read(content))
        except (ValueError, RecursionError) as error:
            return Message(kind, request, {}, str(error))

    def _sign(self, parts: list[bytes]) -> bytes:
        digest = self._key.copy()
        for part in parts:
            digest.update(part)
        return digest.hexdigest().encode()


def _read(part: bytes) -> dict[str, Any]:
    """Read JSON; what is no UTF-8 is replaced, as Jupyter's own clients do.

    Raises:
        ValueError: it is no JSON object, or a number has thousands of digits.
        RecursionError: it is nested too deeply.
    """
    found = json.loads(part.decode(errors="replace"))
    if not isinstance(found, dict):
        raise ValueError(f"{type(found).__name__} instead of an object")
    return found
