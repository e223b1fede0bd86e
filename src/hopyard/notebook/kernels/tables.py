"""Rows of Spark to pandas and back, over Arrow.

Sparkmagic prints rows as JSON and guesses types from the texts: columns that are null are lost,
"01234" becomes 1234, decimals become floats. Here a DataFrame comes as an Arrow stream
(`GET …/statements/N/arrow`) with its types. On their way to Spark they come to Python, whose
temporary view each language takes: all languages of a session share one Spark session.
"""

from __future__ import annotations

import base64
import contextlib
import re
import secrets
from dataclasses import dataclass
from typing import Any

import requests

from hopyard.notebook.kernels.columns import to_pandas
from hopyard.notebook.kernels.connection import NO_ANSWER
from hopyard.notebook.kernels.errors import Interrupted, LivyError, StatementError
from hopyard.notebook.kernels.fetching import Fetching
from hopyard.notebook.kernels.language import LONG, PYTHON, ROWS, Language, R
from hopyard.notebook.kernels.session import Session
from hopyard.notebook.kernels.statements import run, statement
from hopyard.protocol.arrow import from_pandas

NAME = re.compile(r"[^\W\d]\w*")
PART = 4_000_000
"""Bytes of rows that are sent in one statement: the Livy server takes 10 MB of code."""
MOST = 2**31 - 1
"""Rows that Spark's `limit` can be; who asks for more wants all."""


@dataclass(frozen=True)
class Sample:
    """How much of a DataFrame to fetch."""

    method: str
    rows: int
    """All, where negative."""
    fraction: float
    coerce: bool = True
    """Whether dates become pandas' own."""

    def __post_init__(self) -> None:
        if self.method not in ("take", "sample"):
            raise LivyError(f"-m (sample method) must be take or sample, not {self.method}.")
        if not 0.0 <= self.fraction <= 1.0:
            raise LivyError(f"-r (sample fraction) must be from 0.0 to 1.0, not {self.fraction}.")


@dataclass(frozen=True)
class Fetched:
    """Rows.

    Attributes:
        cut: whether there are more.
        texts: names and types of columns with values that came as Spark's own text.
    """

    frame: Any
    cut: bool
    texts: list[tuple[str, str]]


def check_name(name: str) -> None:
    """Refuse what is no variable's name in all languages."""
    if not NAME.fullmatch(name):
        raise LivyError(f"{name!r} is no name of a variable: letters, digits and _ are allowed.")


def of_variable(
    session: Session, language: Language, name: str, sample: Sample, fetching: Fetching
) -> Fetched:
    """Return the rows of a variable that has a DataFrame."""
    check_name(name)
    code = language.value if sample.method == "take" else language.sample
    code = code.format(name=name, fraction=sample.fraction)
    return _rows(session, _quietly(session, code, language.kind), sample, fetching)


def of_query(session: Session, query: str, sample: Sample, fetching: Fetching) -> Fetched:
    """Return the rows of a SQL query; of several, those of the last."""
    fraction = f", {sample.fraction}" if sample.method == "sample" else ""
    code = f"{ROWS}.query({query!r}{fraction})"
    return _rows(session, _quietly(session, code, PYTHON.kind), sample, fetching)


def send(session: Session, language: Language, frame: Any, name: str) -> None:
    """Make a Spark DataFrame of a pandas one, under a name."""
    try:
        table = from_pandas(frame)
    except ValueError as error:
        raise LivyError(str(error)) from None
    _send(session, table, language.bind, name)


def send_text(session: Session, language: Language, text: str, name: str) -> None:
    """Give a text a name in the driver."""
    import pyarrow

    try:
        text.encode()
    except UnicodeEncodeError:
        raise LivyError("The text is no Unicode: it has half of a surrogate pair.") from None
    if language is R and "\0" in text:
        raise LivyError("The text has a character NUL, which no text in R can have.")
    if len(text) <= LONG:
        run(session, language.text(name, text))
        return
    _send(session, pyarrow.table({"text": [text]}), language.bind_text, name)


def _send(session: Session, table: Any, bind: str, name: str) -> None:
    """Send rows in parts to the driver's Python, and have a view of them bound to a name."""
    import pyarrow

    sink = pyarrow.BufferOutputStream()
    with pyarrow.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    data = memoryview(sink.getvalue())
    view = _view()
    try:
        for start in range(0, len(data), PART):
            part = base64.b64encode(data[start : start + PART]).decode()
            _quietly(session, f"{ROWS}.receive({view!r}, {part!r})", PYTHON.kind)
        _quietly(session, f"{ROWS}.received({view!r})", PYTHON.kind)
        run(session, bind.format(name=name, view=view))
    finally:
        with contextlib.suppress(LivyError):  # the session may be over
            run(session, f"{ROWS}.forget({view!r})", PYTHON.kind)


def _view() -> str:
    return f"hopyard_{secrets.token_hex(8)}"


def _quietly(session: Session, code: str, kind: str) -> int:
    """Run code of ours; an error of it has no traceback, which would be that of our code."""
    try:
        return int(statement(session, code, kind)["id"])
    except StatementError as error:
        error.lines = [f"\x1b[31m{type(error).__name__}\x1b[0m: {error}"]
        raise


def _rows(session: Session, number: int, sample: Sample, fetching: Fetching) -> Fetched:
    path = f"/sessions/{session.id}/statements/{number}/arrow"
    if 0 <= sample.rows < MOST:
        # One more tells whether there are more.
        path += f"?limit={sample.rows + 1}"
    table = _table(session, path, fetching)
    cut = 0 <= sample.rows < table.num_rows
    if cut:
        table = table.slice(0, sample.rows)
    frame, texts = to_pandas(table, coerce=sample.coerce)
    return Fetched(frame, cut, texts)


def _table(session: Session, path: str, fetching: Fetching) -> Any:
    import pyarrow

    try:
        with session.http.stream(path, {}) as response:
            rows = fetching.counted(response.raw, response.headers.get("Content-Length"))
            return pyarrow.ipc.open_stream(rows).read_all()
    except KeyboardInterrupt:
        raise Interrupted("Interrupted: the rows were not fetched, the session goes on.") from None
    except (requests.exceptions.RequestException, OSError, pyarrow.ArrowInvalid) as error:
        raise LivyError(NO_ANSWER.format(f"the rows broke off: {type(error).__name__}")) from None
