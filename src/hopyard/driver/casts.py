"""DataFrames whose columns are cast to the types in which their rows can leave Spark."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from hopyard.driver.shapes import for_arrow, has, texts
from hopyard.driver.spark import Spark

_OFFSET = 6
"""Letters of an offset such as +08:00; one with seconds has more, and Arrow none."""


def fields(frame: Any) -> list[dict[str, Any]]:
    """Return what Spark says of a DataFrame's columns."""
    found: list[dict[str, Any]] = json.loads(frame.schema().json())["fields"]
    return found


def numbered(spark: Spark, frame: Any) -> Any:
    """Return a DataFrame whose columns are called `0`, `1`…: two columns may have one name."""
    names = [str(number) for number in range(len(frame.columns()))]
    return frame.toDF(spark.array("java.lang.String", names))


def cast(spark: Spark, frame: Any, columns: Sequence[dict[str, Any]], kinds: Sequence[Any]) -> Any:
    """Cast the columns of a numbered DataFrame, those whose type changes.

    Args:
        spark: the driver's JVM.
        frame: its columns are called `0`, `1`…
        columns: what Spark says of them.
        kinds: the types that they are to have.
    """
    types = spark.jvm.org.apache.spark.sql.types.DataType
    functions = spark.jvm.org.apache.spark.sql.functions
    changed = spark.jvm.java.util.HashMap()
    for number, (column, kind) in enumerate(zip(columns, kinds, strict=True)):
        if kind != column["type"]:
            # As the field of a struct: collations are said beside a field's type.
            struct = {"type": "struct", "fields": [column | {"type": kind}]}
            target = types.fromJson(json.dumps(struct)).apply(0).dataType()
            changed.put(str(number), functions.col(f"`{number}`").cast(target))
    return frame.withColumns(changed) if changed.size() else frame


def plain(spark: Spark, frame: Any) -> tuple[Any, list[tuple[str, str]]]:
    """Return a DataFrame that Arrow and pandas can hold.

    Returns:
        the DataFrame, and which columns have values that became texts: their names and types.
    """
    columns = fields(frame)
    kinds = [for_arrow(column["type"]) for column in columns]
    if all(column["type"] == kind for column, kind in zip(columns, kinds, strict=True)):
        return frame, []
    made = cast(spark, numbered(spark, frame), columns, kinds)
    names = [column["name"] for column in columns]
    became = [
        (column["name"], ", ".join(dict.fromkeys(found)))
        for column, kind in zip(columns, kinds, strict=True)
        if (found := texts(column["type"], kind))
    ]
    return made.toDF(spark.array("java.lang.String", names)), became


def zone(spark: Spark, session: Any, frame: Any) -> tuple[str, str] | None:
    """Return the session's time zone as it is and as Python's libraries know it.

    Returns:
        None where both are the same, or no column needs it.
    """
    if not any(has(column["type"], "timestamp") for column in fields(frame)):
        return None
    name: str = session.conf().get("spark.sql.session.timeZone")
    utils = spark.jvm.org.apache.spark.sql.catalyst.util.DateTimeUtils
    known = utils.getZoneId(name).normalized().getId()
    if known == "Z" or (known[0] in "+-" and len(known) > _OFFSET):
        known = "UTC"
    return None if known == name else (name, known)
