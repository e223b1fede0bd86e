"""Patterns for JSON: what an answer must look like, without saying every word of it."""

from __future__ import annotations

import re
from typing import Any


class Pattern:
    """Something that a value matches or not."""

    def fits(self, value: Any) -> bool:
        raise NotImplementedError


class Any_(Pattern):
    def fits(self, value: Any) -> bool:
        return True

    def __repr__(self) -> str:
        return "…"


class Of(Pattern):
    """A value of one of these types."""

    def __init__(self, *types: type) -> None:
        self.types = types

    def fits(self, value: Any) -> bool:
        return isinstance(value, self.types) and not (
            isinstance(value, bool) and bool not in self.types
        )

    def __repr__(self) -> str:
        return f"<{' or '.join(one.__name__ for one in self.types)}>"


class Text(Pattern):
    """Text in which a regular expression is found."""

    def __init__(self, pattern: str) -> None:
        self.pattern = re.compile(pattern)

    def fits(self, value: Any) -> bool:
        return isinstance(value, str) and self.pattern.search(value) is not None

    def __repr__(self) -> str:
        return f"/{self.pattern.pattern}/"


class Each(Pattern):
    """A list whose items all match."""

    def __init__(self, pattern: Any, least: int = 0) -> None:
        self.pattern, self.least = pattern, least

    def fits(self, value: Any) -> bool:
        enough = isinstance(value, list) and len(value) >= self.least
        return enough and all(matches(self.pattern, one) for one in value)

    def __repr__(self) -> str:
        return f"[{self.pattern!r}, …]"


class Has(Pattern):
    """A list with this item in it."""

    def __init__(self, item: Any) -> None:
        self.item = item

    def fits(self, value: Any) -> bool:
        return isinstance(value, list) and any(matches(self.item, one) for one in value)

    def __repr__(self) -> str:
        return f"[…, {self.item!r}, …]"


class Either(Pattern):
    """One of several."""

    def __init__(self, *patterns: Any) -> None:
        self.patterns = patterns

    def fits(self, value: Any) -> bool:
        return any(matches(one, value) for one in self.patterns)

    def __repr__(self) -> str:
        return " | ".join(map(repr, self.patterns))


ANY = Any_()
INT = Of(int)
NUMBER = Of(int, float)
WORDS = Text(r"\S")


def matches(pattern: Any, value: Any) -> bool:
    """Say whether a value is as the pattern says; objects may have more keys (extensions)."""
    if isinstance(pattern, Pattern):
        return pattern.fits(value)
    if isinstance(pattern, dict):
        return isinstance(value, dict) and all(
            key in value and matches(one, value[key]) for key, one in pattern.items()
        )
    if isinstance(pattern, list):
        return (
            isinstance(value, list)
            and len(pattern) == len(value)
            and all(matches(one, part) for one, part in zip(pattern, value, strict=True))
        )
    return type(pattern) is type(value) and pattern == value
