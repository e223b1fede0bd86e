"""Rows of Spark to pandas, for `%%sql` and `%%spark -o`.

Sparkmagic sends `df.toJSON(…).take(n)` and guesses types from the texts. That loses columns that
are null and the columns of an empty result, turns "01234" into 1234, cannot show two columns of one
name, breaks on quotes in a query, and warns in Spark 4.3. Here the driver prints one line of names
and types, then one JSON object a row.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from hopyard.notebook.kernels.livy import LivyError, Session, StatementError, run

MAX_ROWS = 2500

PROGRAM = """
def _hopyard_rows(frame):
    import json
    from pyspark.sql import functions
    print(json.dumps({{"columns": frame.dtypes}}))
    if not frame.columns:
        return
    named = frame.toDF(*map(str, range(len(frame.columns))))
    {sample}
    text = functions.to_json(functions.struct("*"), {{"ignoreNullFields": "false"}})
    for row in named.select(text).{take}:
        print(row[0])
try:
    _hopyard_rows({expression})
finally:
    del _hopyard_rows
"""


@dataclass(frozen=True)
class Query:
    """What to fetch and how much of it."""

    expression: str
    """Python that gives a DataFrame in the driver."""
    method: str = "take"
    rows: int = MAX_ROWS
    """All, where negative."""
    fraction: float = 0.1
    coerce: bool = True
    """Whether dates and times become pandas' own."""

    def __post_init__(self) -> None:
        if self.method not in ("take", "sample"):
            raise LivyError("samplemethod (-m) must be take or sample")
        if not 0.0 <= self.fraction <= 1.0:
            raise LivyError("samplefraction (-r) must be from 0.0 to 1.0")

    @property
    def code(self) -> str:
        """The program for the driver."""
        return PROGRAM.format(
            expression=self.expression,
            sample=f"named = named.sample(False, {self.fraction})"
            if self.method == "sample"
            else "",
            take=f"take({self.rows})" if self.rows >= 0 else "toLocalIterator()",
        )


def fetch(session: Session, query: Query) -> Any:
    """Return the rows as a pandas DataFrame."""
    try:
        text = run(session, query.code).get("text/plain", "")
    except StatementError as error:
        # The traceback would be that of our program, not of the user's code.
        error.lines = [f"\x1b[31m{type(error).__name__}\x1b[0m: {error}"]
        raise
    return frame(text.splitlines(), coerce=query.coerce)


def frame(lines: list[str], *, coerce: bool = True) -> Any:
    """Make the DataFrame from the lines that the driver printed."""
    import pandas

    types = json.loads(lines[0])["columns"]
    rows = [json.loads(line) for line in lines[1:]]
    columns = []
    for number, (name, kind) in enumerate(types):
        column = pandas.Series([row.get(str(number)) for row in rows], name=name)
        if coerce and (kind == "date" or kind.startswith("timestamp")):
            column = pandas.to_datetime(column, errors="coerce", format="ISO8601")
        columns.append(column)
    return pandas.concat(columns, axis=1) if columns else pandas.DataFrame()
