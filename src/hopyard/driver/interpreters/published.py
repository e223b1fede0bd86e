"""What a Jupyter kernel publishes for the code that it runs, whatever form that has.

Code may publish what it likes (`display(…, raw=True)`, the kernel's own methods): nothing of it is
taken for granted here.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

from hopyard.driver.interpreters.base import Output
from hopyard.protocol.displays import NEXT_INPUT, PICTURES
from hopyard.protocol.media import is_json

WIDGET = "application/vnd.jupyter.widget-view+json"
NO_WIDGET = "Widgets of code in the driver cannot be shown; use them in a %%local cell.\n"
"""A widget's page and its kernel speak with each other; the driver is not the page's kernel."""


@dataclass
class Fault:
    """An error of the code."""

    ename: str
    evalue: str
    traceback: tuple[str, ...] = ()

    @classmethod
    def of(cls, content: dict[str, Any]) -> Fault:
        """Read it from a message or from a reply."""
        lines = content.get("traceback") or []
        return cls(
            _text(content.get("ename", "Error")),
            _text(content.get("evalue", "")),
            tuple(map(_text, lines if isinstance(lines, list) else [lines])),
        )


@dataclass
class Execution:
    """A request that runs code, and what came back of it."""

    output: Output | None
    over: asyncio.Future[None]
    """Done when both are there: the reply, and the word that nothing more is published."""
    reply: dict[str, Any] | None = None
    idle: bool = False
    data: dict[str, Any] | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    image: dict[str, Any] = field(default_factory=dict)
    """The last picture that was displayed, in each of its forms."""
    widgets: bool = False
    """Whether it was said that widgets cannot be shown."""
    error: Fault | None = None
    answering: asyncio.Task[None] | None = None
    """Waits for the answer to what its code asked."""
    missing: asyncio.TimerHandle | None = None
    """Waits for a reply without its last output, or the other way round."""


def take(execution: Execution, kind: str, content: dict[str, Any]) -> None:
    """Take a message that the kernel published for an execution."""
    output = execution.output
    if kind == "status":
        if content.get("execution_state") == "idle":
            execution.idle = True
    elif kind == "error":
        execution.error = Fault.of(content)
    elif kind == "execute_result":
        execution.data = _leave_widgets_out(execution, _bundle(content.get("data")))
        execution.metadata = _mapping(content.get("metadata"))
    elif (kind == "display_data" and _is_ours(execution, content)) or output is None:
        return  # in this order: of hidden code the marked ones count too
    elif kind == "stream":
        name = content.get("name")
        output.stream("stderr" if name == "stderr" else "stdout", _text(content.get("text", "")))
    elif kind == "clear_output":
        execution.image = {}
        output.clear(wait=bool(content.get("wait")))
    elif kind in ("display_data", "update_display_data"):
        _display(execution, output, content, update=kind == "update_display_data")


def _is_ours(execution: Execution, content: dict[str, Any]) -> bool:
    """Take what `magics`, `jobs` or `run.R` marked: the result, or R's error.

    Metadata of the user's under the same name is the user's.
    """
    match _mapping(content.get("metadata")).get("hopyard"):
        case {"error": dict(error)}:
            execution.error = Fault.of(error)
        case {"result": _}:
            execution.data = _bundle(content.get("data"))
        case _:
            return False
    return True


def _display(
    execution: Execution, output: Output, content: dict[str, Any], *, update: bool
) -> None:
    data = _leave_widgets_out(execution, _bundle(content.get("data")))
    picture = {form: data[form] for form in data if form in PICTURES}
    if picture and not update:
        execution.image = picture
    metadata, transient = _mapping(content.get("metadata")), _mapping(content.get("transient"))
    output.display(data, metadata, transient, update=update)


def _leave_widgets_out(execution: Execution, data: dict[str, Any]) -> dict[str, Any]:
    """Leave their text, and say so once."""
    found = data.pop(WIDGET, None) is not None
    if found and not execution.widgets and execution.output is not None:
        execution.widgets = True
        execution.output.stream("stderr", NO_WIDGET)
    return data


def take_payload(output: Output, payload: Any) -> None:
    """Show what a kernel would have its page do, besides showing output (`name?`, `%load`)."""
    for one in payload if isinstance(payload, list) else ():
        if not isinstance(one, dict):
            continue
        if one.get("source") == "page":
            output.display(_bundle(one.get("data")), {}, {})
        elif one.get("source") == "set_next_input":
            text = _text(one.get("text", ""))
            output.display({"text/plain": text, NEXT_INPUT: text}, {}, {})


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _bundle(value: Any) -> dict[str, Any]:
    """Return values by media type; all that are no JSON are texts, as pages expect."""
    return {
        mime: item if is_json(mime) else _text(item)
        for mime, item in _mapping(value).items()
        if item is not None or is_json(mime)
    }


def _text(value: Any) -> str:
    """Return a text; its lines may have come as a list, as notebooks' files have them."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return "".join(value)
    return json.dumps(value, ensure_ascii=False)
