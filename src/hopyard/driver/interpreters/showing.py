"""`display()` of a Spark DataFrame: its schema and a sample, in a table that scrolls.

As the value of a cell's last expression a DataFrame is only named, as everywhere in PySpark:
nobody wants a Spark job for `df = df.cache()` that is followed by `df`.
"""

from __future__ import annotations

from html import escape
from typing import Any

ROWS = 20
LETTERS = 200
"""Of one value; what is longer is cut."""

_STYLE = "max-height:24em;max-width:100%;overflow:auto;display:inline-block"


def register(shell: Any) -> None:
    """Let a shell show DataFrames."""

    def shown(frame: Any) -> str | None:
        eager = frame._repr_html_()
        # The hook of last expressions has its message while it runs, and no such name before.
        if eager is not None or getattr(shell.displayhook, "msg", None):
            return eager  # type: ignore[no-any-return]
        return table(frame.dtypes, *_rows(frame))

    formatter = shell.display_formatter.formatters["text/html"]
    formatter.for_type_by_name("pyspark.sql.classic.dataframe", "DataFrame", shown)


def _rows(frame: Any) -> tuple[list[Any], str]:
    """Return the first rows, and a word about what they are if they are not Python's values.

    Some values of Spark have none in Python: intervals of months, the year 20000, maps whose keys
    are arrays. Spark itself can print all of them.
    """
    from py4j.protocol import Py4JError
    from pyspark.errors.exceptions.captured import CapturedException

    try:
        return frame.take(ROWS + 1), ""
    except (CapturedException, Py4JError):
        raise  # of the query: Spark's own words
    except Exception as error:
        names = [str(index) for index in range(len(frame.columns))]  # two may be the same
        texts = [f"CAST(`{name}` AS STRING)" for name in names]
        rows = frame.toDF(*names).selectExpr(*texts).take(ROWS + 1)
        return rows, f"; as Spark writes them, since Python cannot hold them ({error})"


def table(types: list[tuple[str, str]], rows: list[Any], word: str = "") -> str:
    """Return rows as HTML; one more than `ROWS` says that there are more."""
    head = "".join(
        f"<th>{escape(name)}<br><small>{escape(kind)}</small></th>" for name, kind in types
    )
    body = "".join(
        "<tr>" + "".join(f"<td>{_cell(value)}</td>" for value in row) + "</tr>"
        for row in rows[:ROWS]
    )
    more = f"the first {ROWS} rows" if len(rows) > ROWS else "all rows"
    columns = f"{len(types)} column{'' if len(types) == 1 else 's'}"
    foot = escape(f"{columns}; {more}{word}", quote=False)
    return (
        f'<div style="{_STYLE}"><table border="1" class="dataframe"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div><div><small>{foot}</small></div>"
    )


def _cell(value: Any) -> str:
    text = "NULL" if value is None else str(value)
    cut = text if len(text) <= LETTERS else text[:LETTERS] + "…"
    return f"<i>{cut}</i>" if value is None else escape(cut)
