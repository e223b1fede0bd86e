"""Messages of a driver that this server cannot take: what is known of them all the same.

Each counts as taken, or the driver would send it again for ever; what it belongs to ends with an
error instead of waiting for ever.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from hopyard.protocol.messages import Result, UpMessage

LONGEST = 300


@dataclass(frozen=True)
class Unread:
    """A message that cannot be taken.

    Attributes:
        seq: its number.
        kind: its `type`; empty if that is unknown too.
        statement: what it belongs to.
        reason: what is wrong.
    """

    seq: int
    kind: str
    statement: int | None
    reason: str

    @property
    def is_vital(self) -> bool:
        """Whether the session cannot go on without it."""
        return self.kind in ("ready", "failed", "ended")

    def result(self, statement: int, at: int) -> Result | None:
        """Return the end of a statement that would have no other."""
        ends = self.kind in ("result", "")
        return Result(statement=statement, at=at, status="error") if ends else None


def of_text(text: str, error: ValidationError, seq: int) -> Unread:
    """Read what can be read of a frame that is none of the protocol's messages.

    Args:
        text: the frame.
        error: what is wrong.
        seq: the number that is the next.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    fields: dict[str, Any] = found if isinstance(found, dict) else {}
    number, statement = fields.get("seq"), fields.get("statement")
    # Not what was sent: it may be long.
    faults = error.errors(include_input=False, include_url=False, include_context=False)
    reason = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in faults)
    return Unread(
        number if type(number) is int and number > 0 else seq,
        str(fields.get("type", ""))[:LONGEST],
        statement if type(statement) is int else None,
        reason[:LONGEST],
    )


def of_message(message: UpMessage, error: Exception) -> Unread:
    """Describe a message that could be read, and not applied."""
    return Unread(
        getattr(message, "seq", 0),
        message.type,
        getattr(message, "statement", None),
        f"{type(error).__name__}: {error}"[:LONGEST],
    )
