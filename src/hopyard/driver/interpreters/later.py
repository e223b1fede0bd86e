"""Kinds that this driver does not run yet: they say so, and what is allowed."""

from __future__ import annotations

from hopyard.driver.interpreters.base import Outcome
from hopyard.protocol.states import Kind

NAMES = {Kind.SPARK: "Scala", Kind.SPARKR: "R", Kind.SHARED: "shared"}


def not_yet(kind: Kind) -> Outcome:
    """Return the answer to a statement of a kind that comes later."""
    name = NAMES.get(kind, kind.value)
    text = (
        f"Statements of kind '{kind.value}' ({name}) come in a later version. "
        "Allowed now: 'pyspark' and 'sql'."
    )
    if kind == Kind.SHARED:
        text = "A statement must say its kind. Allowed now: 'pyspark' and 'sql'."
    return Outcome("error", ename="KindNotSupported", evalue=text, traceback=())
