"""What a password must be."""

from __future__ import annotations

LEAST = 10
MOST_BYTES = 72
"""bcrypt looks at no more."""


def fault(password: str) -> str | None:
    """Return what is wrong with a new password, in one sentence, or None."""
    if len(password) < LEAST:
        return f"A password has at least {LEAST} characters."
    if len(password.encode()) > MOST_BYTES:
        return f"A password has at most {MOST_BYTES} bytes."
    return None
