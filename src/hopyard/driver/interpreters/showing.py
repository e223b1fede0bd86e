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
        if eager is not None or shell.displayhook.msg:
            return eager  # type: ignore[no-any-return]
        return table(frame.dtypes, frame.take(ROWS + 1))

    formatter = shell.display_formatter.formatters["text/html"]
    formatter.for_type_by_name("pyspark.sql.classic.dataframe", "DataFrame", shown)


def table(types: list[tuple[str, str]], rows: list[Any]) -> str:
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
    return (
        f'<div style="{_STYLE}"><table border="1" class="dataframe"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div><div><small>{columns}; {more}</small></div>"
    )


def _cell(value: Any) -> str:
    text = "NULL" if value is None else str(value)
    cut = text if len(text) <= LETTERS else text[:LETTERS] + "…"
    return f"<i>{cut}</i>" if value is None else escape(cut)
