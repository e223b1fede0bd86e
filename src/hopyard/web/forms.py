"""What a form says that its page did not show already.

Two tabs show one form. A tab that sent all of its fields would put back what the other tab has
changed since. So a form also sends what its page showed (the hidden field `seen`), and only what
differs from that is written down. It works without scripts, too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.datastructures import FormData

SEEN = "seen"


def as_sent(value: Any) -> str:
    """Return a setting's value as a browser sends the field that shows it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "on" if value else ""
    return str(value)


def sealed(shown: Mapping[str, Any]) -> str:
    """Return what stands in the hidden field of a form that shows these values."""
    return json.dumps({name: as_sent(value) for name, value in shown.items()})


def changed(form: FormData, typed: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of the typed values that the form's page did not show already."""
    try:
        seen = json.loads(str(form.get(SEEN, "{}")))
    except ValueError:
        seen = {}
    if not isinstance(seen, dict):
        seen = {}
    return {name: value for name, value in typed.items() if seen.get(name) != _text(value)}


def _text(value: Any) -> str:
    return as_sent(value).replace("\r\n", "\n")
