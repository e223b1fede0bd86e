"""A status page for people: sessions, one session with its statements and the end of its log.

Made here from what the API shows, with the same access: nothing is fetched from elsewhere, nothing
can be changed. It is for a server that stands alone; in the platform a browser has no token to
show, and the platform's own pages say more.
"""

from __future__ import annotations

import asyncio
import functools
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import HTMLResponse

from hopyard.livy import logfile
from hopyard.livy.deps import Asking, Known, Mine
from hopyard.livy.records import Statement
from hopyard.livy.views import session_view, statement_view
from hopyard.protocol import exact
from hopyard.protocol.states import Kind

if TYPE_CHECKING:
    from jinja2 import Environment

router = APIRouter(prefix="/ui", tags=["status page"], default_response_class=HTMLResponse)
REFRESH = 5
STATEMENTS = 50
LINES = 100
SHOWN = 4000
"""Characters of a statement's code and of its output."""
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


@functools.cache
def _templates() -> Environment:
    # Imported at first use: most servers are never looked at.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(Path(__file__).parents[1] / "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )


def _page(name: str, **shown: Any) -> HTMLResponse:
    text = _templates().get_template(name).render(refresh=REFRESH, **shown)
    return HTMLResponse(text, headers=HEADERS)


@router.get("")
async def show_sessions(
    known: Known,
    caller: Asking,
    everybody: Annotated[
        bool, Query(alias="all", description="those of others too: for administrators")
    ] = False,
) -> HTMLResponse:
    """Show the sessions to a person (ours, not Livy's)."""
    visible = known.sessions.visible(caller, everybody=everybody)
    views = [session_view(one, known.sessions.addresses) for one in reversed(visible)]
    return _page("sessions.html", sessions=views)


@router.get("/sessions/{session}")
async def show_session(session: Mine, known: Known) -> HTMLResponse:
    """Show a session with its statements and the end of its log to a person (ours)."""
    pieces = known.statements.page(session, 0, STATEMENTS, descending=True)
    statements = [_shown(one) async for piece in pieces for one in piece]
    file = known.sessions.log_file(session)
    _, _, lines = await asyncio.to_thread(logfile.lines, file, -1, LINES)
    return _page(
        "session.html",
        session=session_view(session, known.sessions.addresses),
        total=session.next_statement,
        statements=statements,
        lines=lines,
    )


def _shown(statement: Statement) -> dict[str, Any]:
    view = statement_view(statement)
    output = view["output"] or {}
    data = output.get("data") or {}
    text = data.get("text/plain") or next(iter(data.values()), "")
    if not isinstance(text, str):
        text = exact.dumps(text, () if statement.kind is Kind.SQL else None)
    if output.get("status") == "error":
        text = f"{text}\n{output['ename']}: {output['evalue']}".strip()
    took = (statement.completed - statement.started) / 1000 if statement.completed else None
    return view | {
        "code": _cut(statement.code),
        "text": _cut(text),
        "running": not statement.state.over,
        "seconds": "" if took is None else f"{took:.1f} s",
    }


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN else text[:SHOWN] + " …"
