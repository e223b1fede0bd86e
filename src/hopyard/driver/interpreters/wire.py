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
    metadata: dict[str, Any]


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
        """Read a message; None when it is not signed with our key."""
        try:
            start = frames.index(DELIMITER)
            signature, *parts = frames[start + 1 : start + 6]
        except ValueError:
            return None
        if not hmac.compare_digest(self._sign(parts), signature):
            return None
        header, parent, metadata, content = map(json.loads, parts)
        return Message(header["msg_type"], parent.get("msg_id", ""), content, metadata)

    def _sign(self, parts: list[bytes]) -> bytes:
        digest = self._key.copy()
        for part in parts:
            digest.update(part)
        return digest.hexdigest().encode()
