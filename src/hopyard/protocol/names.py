"""Names that are a part of an address: what they may not be, and how they get into one.

A name such as `..` or `a/b` is another address by the time that a proxy, a client or a server has
put it in order. So it is refused where it would be given, and no address of ours is made with it.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

from hopyard.errors import InvalidInput

NAME_RULE = (
    "not . or .., without /, \\, control characters, and spaces at either end, "
    "and without % before two hexadecimal digits"
)
NAME_PATTERN = (
    r"(?!\.{1,2}$)(?!\s)(?!.*\s$)(?!.*%[0-9A-Fa-f]{2})"
    r"[^/\\\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]+$"
)
"""For those that check names by a regular expression of their own."""

_NAME = re.compile(NAME_PATTERN)
_DECODES = 4
"""How often something may have been encoded: each proxy decodes once at most."""


def is_name(text: str) -> bool:
    """Say whether a text may be the name of something that has an address."""
    return _NAME.fullmatch(text) is not None


def as_name(text: str, most: int) -> str:
    """Return a text made fit to be a name, of at most so many characters."""
    fit = re.sub(r"[/\\\s\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]", " ", text)
    fit = re.sub(r"%(?=[0-9A-Fa-f]{2})", "_", fit)[:most].strip()
    return fit if is_name(fit) else "_"


def segment(text: str) -> str:
    """Return a text as one segment of an address's path.

    Raises:
        InvalidInput: it cannot be one.
    """
    if not is_name(text):
        raise InvalidInput(f"{text[:100]!r} is no name: a name is {NAME_RULE}.")
    return quote(text, safe="")


def as_header(name: str) -> str:
    """Return a name of any letters as a header has it; `of_header` reads it."""
    return quote(name, safe="@ ")


def of_header(value: str) -> str:
    """Return the name that `as_header` wrote."""
    return unquote(value)


def rest(raw: str) -> str:
    """Return the rest of a path as it was sent, which stays below where it is put.

    Args:
        raw: nothing of it decoded.

    Raises:
        InvalidInput: it leads elsewhere, or is no path.
    """
    decoded = raw
    for _ in range(_DECODES):
        decoded = unquote(decoded, errors="replace")
        if any(letter < " " or letter == "\x7f" for letter in decoded):
            raise InvalidInput("This is no path of an address.")
        for step in re.split(r"[/\\]", decoded):
            # Some servers take what follows a semicolon for a parameter of the step.
            if step.partition(";")[0].strip() in (".", ".."):
                raise InvalidInput("An address with . or .. in it leads elsewhere.")
    if not raw.isascii() or not raw.isprintable() or " " in raw:
        raise InvalidInput("This is no path of an address.")
    return raw
