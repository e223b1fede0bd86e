"""Livy's magics inside a statement: `%table NAME`, `%json NAME`, `%matplot NAME`."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hopyard.protocol.displays import PICTURES

TABLE = "application/vnd.livy.table.v1+json"

_TYPES: tuple[tuple[type, str], ...] = (
    (bool, "BOOLEAN_TYPE"),
    (int, "INT_TYPE"),
    (float, "DOUBLE_TYPE"),
    (decimal.Decimal, "DECIMAL_TYPE"),
    (str, "STRING_TYPE"),
    (datetime.datetime, "TIMESTAMP_TYPE"),
    (datetime.date, "DATE_TYPE"),
    (Mapping, "MAP_TYPE"),
    (list, "ARRAY_TYPE"),
    (tuple, "ARRAY_TYPE"),
)


def register(shell: Any) -> None:
    """Add the magics to a shell."""

    def value(line: str) -> Any:
        return shell.ev(line.strip())

    def table_magic(line: str) -> None:
        _show({TABLE: table(value(line))})

    def json_magic(line: str) -> None:
        _show({"application/json": value(line)})

    shown: dict[str, Any] = {}

    def remember(message: dict[str, Any]) -> dict[str, Any]:
        data = message["content"].get("data", {})
        if not data.keys().isdisjoint(PICTURES) and str(data.get("text/plain", "")).startswith(
            "<Figure"
        ):
            shown.update(data)
        return message

    def matplot_magic(line: str) -> None:
        from IPython.core.error import UsageError
        from IPython.display import display

        figure = value(line)
        if hasattr(figure, "get_fignums") and not figure.get_fignums():
            # Here a cell shows its figures itself, and then they are closed; in Livy they stay.
            if not shown:
                raise UsageError(f"%matplot {line}: there is no figure yet.")
            display(shown, raw=True)
            return
        display(figure.gcf() if hasattr(figure, "gcf") else figure)
        if hasattr(figure, "close"):
            figure.close()

    shell.display_pub.register_hook(remember)

    for name, function in {
        "table": table_magic,
        "json": json_magic,
        "matplot": matplot_magic,
    }.items():
        shell.register_magic_function(function, "line", name)


def _show(data: dict[str, Any]) -> None:
    from IPython.display import publish_display_data

    publish_display_data(data, metadata={"hopyard": {"result": True}})


def table(rows: Any) -> dict[str, Any]:
    """Return rows in Livy's table form.

    Raises:
        ValueError: they are no rows, or a column has values of two types.
    """
    if isinstance(rows, Mapping | str) or not isinstance(rows, Iterable):
        raise ValueError("%table takes a list of rows; each is a dict or a list.")
    plain = [_cells(row) for row in rows]
    names: list[str] = list(dict.fromkeys(name for row in plain for name in row))
    headers = [{"name": name, "type": _type(name, plain)} for name in names]
    return {
        "headers": headers,
        "data": [[_json(row.get(name)) for name in names] for row in plain],
    }


def _cells(row: Any) -> dict[str, Any]:
    if hasattr(row, "asDict"):
        return dict(row.asDict())
    if isinstance(row, Mapping):
        return {str(name): value for name, value in row.items()}
    if isinstance(row, Sequence) and not isinstance(row, str):
        return {str(index): value for index, value in enumerate(row)}
    return {"0": row}


def _type(name: str, rows: list[dict[str, Any]]) -> str:
    found = {_type_of(row[name]) for row in rows if row.get(name) is not None}
    if len(found) > 1:
        raise ValueError(f"%table: the column {name} has values of {', '.join(sorted(found))}.")
    return found.pop() if found else "NULL_TYPE"


def _type_of(value: Any) -> str:
    for kind, name in _TYPES:
        if isinstance(value, kind):
            return name
    return "STRING_TYPE"


def _json(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {str(key): _json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json(item) for item in value]
    return str(value)
