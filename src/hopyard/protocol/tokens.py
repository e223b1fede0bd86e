"""What a token may look like: it goes into headers of requests that we send."""

from __future__ import annotations

LONGEST = 4096


def is_token(text: str) -> bool:
    """Say whether a text can be a token of the Hub or of this platform at all."""
    whole = 0 < len(text) <= LONGEST and text.isascii() and text.isprintable()
    return whole and " " not in text
