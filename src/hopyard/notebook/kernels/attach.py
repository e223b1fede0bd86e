"""Which sessions a notebook can go on with: the user's own ones in this project that run.

The Livy server says which these are: a session of somebody else, or of another project, is in no
list of its and is not there when it is asked for by number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from hopyard.notebook.kernels import naming
from hopyard.notebook.kernels.connection import Http
from hopyard.notebook.kernels.errors import LivyError
from hopyard.notebook.kernels.session import OVER, Controller, Session

MOST = 1000
"""Sessions that are looked at; a user may have far fewer."""
_HEAD = ("ID", "Name", "Kind", "State", "Current session?")
NONE = "You have no running Spark session in this project: the first cell starts one."


def running(http: Http) -> list[dict[str, Any]]:
    """Return the user's sessions that are not over."""
    found = http.get(f"/sessions?size={MOST}", [200]).json()["sessions"]
    return [one for one in found if one["state"] not in OVER]


def table(sessions: Sequence[Mapping[str, Any]], current: int | None) -> str:
    """Return sessions as an HTML table which says which is the notebook's own."""
    if not sessions:
        return f"<p>{NONE}</p>"
    rows = [_row("th", _HEAD)]
    for one in sessions:
        mark = "✔" if one["id"] == current else ""
        rows.append(_row("td", (one["id"], one["name"] or "", one["kind"], one["state"], mark)))
    return f"<table>{''.join(rows)}</table>"


def _row(tag: str, cells: Sequence[object]) -> str:
    inner = "".join(f"<{tag}>{escape(str(cell))}</{tag}>" for cell in cells)
    return f"<tr>{inner}</tr>"


def choose(sessions: Sequence[Mapping[str, Any]], wanted: str) -> int:
    """Return the number of the session that is called so, or has this number.

    A name may be given without the part in brackets that makes it unique.

    Raises:
        LivyError: there is none, or there are several.
    """
    for tells in (_number, _name, _begin):
        found = [one["id"] for one in sessions if tells(one) == wanted]
        if len(found) == 1:
            return int(found[0])
        if found:
            numbers = ", ".join(str(number) for number in found)
            raise LivyError(
                f"Several sessions are called {wanted!r}: attach by number ({numbers})."
            )
    known = "; ".join(f"{one['id']} ({one['name'] or 'no name'})" for one in sessions)
    raise LivyError(
        f"You have no running Spark session {wanted!r} in this project. "
        + (f"Running: {known}." if known else "None runs.")
    )


def _number(session: Mapping[str, Any]) -> str:
    return str(session["id"])


def _name(session: Mapping[str, Any]) -> str:
    return session["name"] or ""


def _begin(session: Mapping[str, Any]) -> str:
    return (session["name"] or "").rpartition(" (")[0]


def begin(controller: Controller, name: str, endpoint: Any, properties: dict[str, Any]) -> None:
    """Give a notebook its session: the one that was kept for it, else a new one."""
    if naming.keeps(properties):
        wanted = naming.of_new(properties)["name"]
        kept = [one["id"] for one in running(controller.http(endpoint)) if one["name"] == wanted]
        if kept:
            session = controller.known_session(endpoint, properties, kept[0])
            session.go_on(f"Going on with Spark session {kept[0]}, which was kept")
            controller.session_manager.add_session(name, session)
            return
    controller.add_session(name, endpoint, False, properties)
    if naming.share(properties):
        session = controller.get_session_by_name_or_default(name)
        session.ipython_display.writeln(_shared(session, running(session.http)))


def _shared(session: Session, every: Sequence[Mapping[str, Any]]) -> str:
    """Say with which other sessions a new one shares its Spark application."""
    application = session.get_app_id()
    others = [
        f"{one['id']} ({one['name']})"
        for one in every
        if one["appId"] == application and one["id"] != session.id
    ]
    words = f"Its Spark application is shared as '{naming.share(session.properties)}'"
    return f"{words}, with session {', '.join(others)}." if others else f"{words}."


def attach(controller: Controller, name: str, endpoint: Any, kind: str, number: int) -> Session:
    """Make a running session the notebook's; it is not the notebook's to end."""
    session = controller.known_session(endpoint, {"kind": kind}, number)
    session.borrowed = True
    session.go_on(f"Attaching to Spark session {number}")
    controller.session_manager.add_session(name, session)
    return session
