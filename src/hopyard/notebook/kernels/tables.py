"""Rows of Spark to pandas and back, over Arrow.

Sparkmagic prints rows as JSON and guesses types from the texts: columns that are null are lost,
"01234" becomes 1234, decimals become floats. Here a DataFrame comes as an Arrow stream
(`GET …/statements/N/arrow`) with its types. On their way to Spark they come to Python, whose
temporary view each language takes: all languages of a session share one Spark session.
"""

from __future__ import annotations

import base64
import re
import secrets
from dataclasses import dataclass
from typing import Any

import requests

from hopyard.notebook.kernels.connection import NO_ANSWER
from hopyard.notebook.kernels.errors import Interrupted, LivyError, StatementError
from hopyard.notebook.kernels.fetching import Fetching
from hopyard.notebook.kernels.language import PYTHON, Language
from hopyard.notebook.kernels.session import Session
from hopyard.notebook.kernels.statements import run, statement

NAME = re.compile(r"[^\W\d]\w*")
_SEND = """
def _hopyard_received(text, view):
    import base64
    import pyarrow
    table = pyarrow.ipc.open_stream(base64.b64decode(text)).read_all()
    spark.createDataFrame(table).createOrReplaceTempView(view)
try:
    _hopyard_received({text!r}, {view!r})
finally:
    del _hopyard_received
"""


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
    """Rows, and whether there are more."""

    frame: Any
    cut: bool


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
    if ";" not in query.rstrip("; \n"):
        code = f"spark.sql({query!r})"
        if sample.method == "sample":
            code = PYTHON.sample.format(name=code, fraction=sample.fraction)
        return _rows(session, _quietly(session, code, PYTHON.kind), sample, fetching)
    if sample.method == "sample":
        raise LivyError("-m sample is for one SQL statement, not for several.")
    return _rows(session, _quietly(session, query, "sql"), sample, fetching)


def send(session: Session, language: Language, frame: Any, name: str) -> None:
    """Make a Spark DataFrame of a pandas one, under a name."""
    import pyarrow

    table = pyarrow.Table.from_pandas(frame, preserve_index=False)
    sink = pyarrow.BufferOutputStream()
    with pyarrow.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    text = base64.b64encode(sink.getvalue()).decode()
    view = _view()
    _quietly(session, _SEND.format(text=text, view=view), PYTHON.kind)
    run(session, language.bind.format(name=name, view=view))
    _quietly(session, f"spark.catalog.dropTempView({view!r})", PYTHON.kind)


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
    if sample.rows >= 0:
        # One more tells whether there are more.
        path += f"?limit={sample.rows + 1}"
    table = _table(session, path, fetching)
    cut = 0 <= sample.rows < table.num_rows
    if cut:
        table = table.slice(0, sample.rows)
    return Fetched(to_pandas(table, coerce=sample.coerce), cut)


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


def to_pandas(table: Any, *, coerce: bool = True) -> Any:
    """Return a DataFrame with the types kept: integers with nulls stay integers."""
    import pandas

    columns = {number: _series(column, coerce) for number, column in enumerate(table.columns)}
    # By number: two columns may have one name.
    frame = pandas.DataFrame(columns, copy=False)
    frame.columns = pandas.Index(table.column_names)
    return frame


def _series(column: Any, coerce: bool) -> Any:
    import pandas
    import pyarrow

    kind = column.type
    if pyarrow.types.is_date(kind):
        return column.to_pandas(date_as_object=not coerce)
    if column.null_count and pyarrow.types.is_boolean(kind):
        return column.to_pandas(types_mapper={kind: pandas.BooleanDtype()}.get)
    if column.null_count and pyarrow.types.is_integer(kind):
        name = str(kind).replace("i", "I").replace("uI", "UI")
        return column.to_pandas(types_mapper={kind: pandas.api.types.pandas_dtype(name)}.get)
    return column.to_pandas()
