"""SQL's code and values: text only."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from itertools import count
from typing import Any

from hopyard.driver.shapes import distinct
from hopyard.protocol.exact import Number, encoded

_FRACTION = re.compile(r"(\.\d{3})000(?!\d)")
_ZEROS = re.compile(r"\.0+(?=Z|[+-]\d\d:\d\d$|$)")
"""The empty fraction of a timestamp, which Livy does not write."""
LARGEST = 2**63 - 1
OPTIONS = {
    "ignoreNullFields": "false",
    "timestampFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX",
    "timestampNTZFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSS",
}
"""For Spark's `to_json`."""
_PLACES = ("geography", "geometry")
_PLAIN_KEYS = {"string", "byte", "short", "integer", "long", "boolean"}


def number(text: str) -> float | Number:
    """Return a number; by its digits where a float would lose some of a decimal."""
    value = float(text)
    return value if Decimal(repr(value)) == Decimal(text) else Number(text)


def whole(text: str) -> int | Number:
    """Return a whole number; by its digits beyond 64 bits, which no wire keeps."""
    value = int(text)
    return value if abs(value) <= LARGEST else Number(text)


def row(values: dict[str, Any], fields: list[dict[str, Any]]) -> list[Any]:
    """Put the values of one row in order; encoded for the wire.

    Args:
        values: by their position, and so are those of structs in them.
        fields: what Spark says of the columns.
    """
    return [value(values.get(str(i)), field["type"]) for i, field in enumerate(fields)]


def value(given: Any, kind: Any) -> Any:
    """Return a value as Livy writes it, from what `to_json` made of it."""
    if given is None:
        return None
    if kind in ("timestamp", "timestamp_ntz") and isinstance(given, str):
        return _ZEROS.sub("", _FRACTION.sub(r"\1", given))
    if isinstance(kind, dict):
        if kind["type"] == "array":
            return [value(item, kind["elementType"]) for item in given]
        if kind["type"] == "map":
            return {key: value(item, kind["valueType"]) for key, item in given.items()}
        if kind["type"] == "struct":
            names = distinct([field["name"] for field in kind["fields"]])
            kinds = [field["type"] for field in kind["fields"]]
            return {
                name: value(given.get(str(number)), inner)
                for number, (name, inner) in enumerate(zip(names, kinds, strict=True))
            }
    return encoded(given)


def expression(kind: Any, column: str) -> str:
    """Return SQL that makes the keys of all maps in a column texts: `to_json` shows their inside.

    Returns:
        the column itself where there is nothing to do.
    """
    return _expression(kind, column, map("v{}".format, count()))


def _expression(kind: Any, sql: str, names: Iterator[str]) -> str:
    if not isinstance(kind, dict):
        return f"st_asbinary({sql})" if kind.startswith(_PLACES) else sql
    if kind["type"] == "array":
        name = next(names)
        inner = _expression(kind["elementType"], name, names)
        return sql if inner == name else f"transform({sql}, {name} -> {inner})"
    if kind["type"] == "map":
        key, item = next(names), next(names)
        inner = _expression(kind["valueType"], item, names)
        if inner != item:
            sql = f"transform_values({sql}, ({key}, {item}) -> {inner})"
        if kind["keyType"] == "binary":
            return f"transform_keys({sql}, ({key}, {item}) -> base64({key}))"
        # A key may be an array or a struct too.
        if isinstance(kind["keyType"], str) and kind["keyType"] in _PLAIN_KEYS:
            return sql
        return f"transform_keys({sql}, ({key}, {item}) -> cast({key} as string))"
    if kind["type"] == "struct":
        inners = []
        for field in kind["fields"]:
            quoted = "`" + field["name"].replace("`", "``") + "`"
            inners.append((field["name"], f"{sql}.{quoted}"))
        made = [
            (name, _expression(field["type"], path, names), path)
            for (name, path), field in zip(inners, kind["fields"], strict=True)
        ]
        if all(inner == path for _, inner, path in made):
            return sql
        parts = ", ".join(f"{_literal(name)}, {inner}" for name, inner, _ in made)
        return f"if({sql} is null, null, named_struct({parts}))"
    return sql


def _literal(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
