"""What Livy calls a statement's output, from its streams, displays and result.

`text/plain` is what was printed, then the result's text, as with Apache Livy (`print('out'); 2`
gives `out` and `2` in two lines; a last newline is cut). stderr follows stdout, after a newline.

It is left out where the text is meant for a program: when all of stdout is lines of JSON objects,
or when the code asked for them (`toJSON`). sparkmagic runs `%%sql` so and reads text/plain line by
line; one Python warning in it would break the table. The event stream has stderr always.

A picture (the last one displayed) is there in the forms that it has, `image/png` unless the code
chose others. `text/html` is given only when nothing was
printed, because clients show the first kind that they know and nothing else.

A failed statement has, besides Livy's keys, `data` with what was printed before; Livy loses that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from hopyard.livy.records import Event, Statement
from hopyard.protocol.displays import PICTURES
from hopyard.protocol.messages import Result

TEXT = "text/plain"
HTML = "text/html"


def compose(statement: Statement, result: Result) -> dict[str, Any]:
    """Return the output of a statement that is done."""
    printed = printed_text(statement)
    if result.status != "ok":
        failed = {
            "status": "error",
            "execution_count": statement.id,
            "ename": result.ename or "Cancelled",
            "evalue": result.evalue or ("" if result.ename else "The statement was cancelled."),
            "traceback": [
                line if line.endswith("\n") else line + "\n" for line in result.traceback
            ],
        }
        return failed | ({"data": {TEXT: printed.rstrip("\n")}} if printed else {})
    data = {**_displayed(statement.events), **result.data}
    text = printed + str(data.pop(TEXT, ""))
    if printed:
        data.pop(HTML, None)
    if text or not data:
        data = {TEXT: text.rstrip("\n"), **data}
    return {"status": "ok", "execution_count": statement.id, "data": data}


def so_far(statement: Statement) -> dict[str, Any] | None:
    """Return the output of a statement that still runs, None while there is nothing."""
    if not statement.events:
        return None
    data = _displayed(statement.events)
    text = printed_text(statement)
    if text:
        data = {TEXT: text, **data}
    if not data:
        return None
    return {"status": "ok", "execution_count": statement.id, "data": data}


def broken(
    statement: Statement, ename: str, reason: str, printed: str | None = None
) -> dict[str, Any]:
    """Return the output of a statement that will never be done, with what it printed."""
    printed = printed_text(statement) if printed is None else printed
    output = {
        "status": "error",
        "execution_count": statement.id,
        "ename": ename,
        "evalue": reason,
        "traceback": [],
    }
    return output | ({"data": {TEXT: printed.rstrip("\n")}} if printed else {})


def printed_text(statement: Statement) -> str:
    """Return what a statement printed, with the texts of what it displayed."""
    out: list[str] = []
    err: list[str] = []
    for _, kind, payload in statement.events:
        if kind == "stream":
            (err if payload["name"] == "stderr" else out).append(payload["text"])
        elif kind == "display_data":
            data = payload["data"]
            if TEXT in data and HTML not in data and data.keys().isdisjoint(PICTURES):
                out.append(f"{data[TEXT]}\n")
    stdout, stderr = "".join(out), "".join(err)
    if not stderr or "toJSON" in statement.code or _is_json_lines(stdout):
        return stdout
    if stdout and not stdout.endswith("\n"):
        stdout += "\n"
    return stdout + stderr


def texts(events: Iterable[Event]) -> Iterator[str]:
    """Yield all text of a statement in the order in which it came, stdout and stderr mixed."""
    for _, kind, payload in events:
        if kind == "stream":
            yield payload["text"]
        elif kind == "display_data" and TEXT in payload["data"]:
            yield f"{payload['data'][TEXT]}\n"
        elif kind == "result":
            if TEXT in (payload.get("data") or {}):
                yield f"{payload['data'][TEXT]}\n"
            yield "".join(payload.get("traceback") or ())


def _is_json_lines(text: str) -> bool:
    lines = text.split("\n")
    filled = [line for line in lines if line]
    return bool(filled) and all(line[0] == "{" and line[-1] == "}" for line in filled)


def _displayed(events: Iterable[Event]) -> dict[str, Any]:
    """The last picture or page that was displayed."""
    shown: dict[str, Any] = {}
    for _, kind, payload in events:
        if kind in ("display_data", "update_display"):
            data = payload["data"]
            if not data.keys().isdisjoint(PICTURES):
                shown = {mime: value for mime, value in shown.items() if mime not in PICTURES}
            shown |= {mime: data[mime] for mime in (*PICTURES, HTML) if mime in data}
    return shown
