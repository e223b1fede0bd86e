"""Columns of Arrow as pandas' own, with every value that Spark has.

pyarrow's own way loses some: integers beside a null become floats inside of arrays, structs and
maps; times in arrays lose their zone; years beyond 9999, and texts that are no UTF-8, fail. The
zones that it gives to columns end in 2037, and pandas crashes at their times before 1677.
"""

from __future__ import annotations

import datetime
import json
import zoneinfo
from typing import Any

from hopyard.protocol.arrow import TEXTS

FIRST, LAST = datetime.date(1, 1, 2), datetime.date(9999, 12, 30)
"""The days that Python has in every time zone; the day before and the one after, in some."""
_EPOCH = datetime.date(1970, 1, 1)
_DAY = 86_400_000_000
_CYCLE = 146_097
PANDAS_FIRST = (datetime.date(1902, 1, 1) - _EPOCH).days
PANDAS_LAST = (datetime.date(2036, 12, 31) - _EPOCH).days
"""The days whose rules the zones have that pyarrow gives to pandas."""
"""Days of 400 years, after which the calendar begins anew."""


def to_pandas(table: Any, *, coerce: bool = True) -> tuple[Any, list[tuple[str, str]]]:
    """Return a pandas DataFrame with the types kept: integers with nulls stay integers.

    Args:
        table: what came from Spark.
        coerce: whether dates become pandas' own.

    Returns:
        the DataFrame, and which columns have Spark's own text for what pandas has not: their names
        and types.
    """
    import pandas

    texts = [tuple(one) for one in json.loads((table.schema.metadata or {}).get(TEXTS, "[]"))]
    table = _in_known_zones(table)
    columns = {}
    for number, (name, column) in enumerate(zip(table.column_names, table.columns, strict=True)):
        columns[number] = _series(column, coerce)
        if columns[number] is None:
            columns[number] = pandas.Series([text(scalar) for scalar in column], dtype=object)
            texts.append((name, f"{_called(column.type)} beyond the years 1 to 9999"))
    # By number: two columns may have one name.
    frame = pandas.DataFrame(columns, copy=False)
    frame.columns = pandas.Index(table.column_names)
    return frame, texts


def _series(column: Any, coerce: bool) -> Any:
    """Return a column as a Series; None where it has days that Python has not."""
    import pandas
    import pyarrow

    kind, types = column.type, pyarrow.types
    if types.is_nested(kind):
        return _nested(column)
    if (types.is_date(kind) or types.is_timestamp(kind)) and not _are_known(column):
        return None
    if types.is_date(kind):
        return column.to_pandas(date_as_object=not coerce)
    if types.is_timestamp(kind) and kind.tz not in (None, "UTC") and not _is_of_our_age(column):
        moments = column.cast(pyarrow.timestamp(kind.unit, "UTC"))
        return moments.to_pandas().dt.tz_convert(_zone(kind.tz))
    if column.null_count and types.is_boolean(kind):
        return column.to_pandas(types_mapper={kind: pandas.BooleanDtype()}.get)
    if column.null_count and types.is_integer(kind):
        name = str(kind).replace("i", "I").replace("uI", "UI")
        return column.to_pandas(types_mapper={kind: pandas.api.types.pandas_dtype(name)}.get)
    try:
        return column.to_pandas()
    except pyarrow.ArrowException:
        return pandas.Series(_objects(column), dtype=object)


def _nested(column: Any) -> Any:
    import pandas
    import pyarrow

    if not _has_times(column.type):
        try:
            return column.to_pandas(integer_object_nulls=True)
        except (pyarrow.ArrowException, ValueError):
            pass  # a text that is no UTF-8, or a map with a key twice
    return pandas.Series(_objects(column), dtype=object)


def _objects(scalars: Any) -> Any:
    import numpy

    made = numpy.empty(len(scalars), dtype=object)
    for number, scalar in enumerate(scalars):
        made[number] = value(scalar)
    return made


def _has_times(kind: Any) -> bool:
    import pyarrow

    if not pyarrow.types.is_nested(kind):
        return bool(pyarrow.types.is_timestamp(kind) or pyarrow.types.is_date(kind))
    return any(_has_times(kind.field(number).type) for number in range(kind.num_fields))


def value(scalar: Any) -> Any:
    """Return a value of Arrow as Python's own, as pyarrow does for the whole of a column."""
    import pyarrow

    kind, types = scalar.type, pyarrow.types
    if not scalar.is_valid:
        return None
    if types.is_string(kind) or types.is_large_string(kind):
        return scalar.as_buffer().to_pybytes().decode(errors="replace")
    if types.is_timestamp(kind) or types.is_date(kind):
        return scalar.as_py() if _is_known(scalar) else text(scalar)
    if types.is_struct(kind):
        return {field.name: value(scalar[number]) for number, field in enumerate(kind)}
    if types.is_map(kind):
        return [(value(entry[0]), value(entry[1])) for entry in scalar.values]
    if types.is_list(kind) or types.is_large_list(kind):
        return _objects(scalar.values)
    return scalar.as_py()


def text(scalar: Any) -> str | None:
    """Return a day or a time as Spark writes it, of any year."""
    import pyarrow

    if not scalar.is_valid:
        return None
    if pyarrow.types.is_date(scalar.type):
        cycles, day = _within_a_cycle(scalar.value)
        return _day_text(_EPOCH + datetime.timedelta(day), cycles)
    cycles, day = _within_a_cycle(_day_number(scalar))
    rest = scalar.value % _DAY
    moment = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    moment += datetime.timedelta(days=day, microseconds=rest)
    if scalar.type.tz is not None:
        moment = moment.astimezone(_zone(scalar.type.tz))
    clock = moment.strftime("%H:%M:%S.%f").rstrip("0").rstrip(".")
    return f"{_day_text(moment.date(), cycles)} {clock}"


def _within_a_cycle(day: int) -> tuple[int, int]:
    """Return how many times 400 years a day is away from one that Python has, and that one."""
    first = (FIRST - _EPOCH).days
    if first <= day <= (LAST - _EPOCH).days:
        return 0, day
    # To the nearest years, whose time zone's rules are the same.
    start = first if day < first else (LAST - _EPOCH).days - _CYCLE
    cycles = (day - start) // _CYCLE
    return cycles, day - cycles * _CYCLE


def _day_text(day: datetime.date, cycles: int) -> str:
    year = day.year + 400 * cycles
    sign = "-" if year < 0 else "+" if year > 9999 else ""
    return f"{sign}{abs(year):04d}-{day:%m-%d}"


def _day_number(scalar: Any) -> int:
    import pyarrow

    days = scalar.value if pyarrow.types.is_date(scalar.type) else scalar.value // _DAY
    return int(days)


def _is_known(scalar: Any) -> bool:
    """Say whether Python has a day or a time, in UTC and in its own zone."""
    if not scalar.is_valid:
        return True
    day = _day_number(scalar)
    if (FIRST - _EPOCH).days <= day <= (LAST - _EPOCH).days:
        return True
    try:
        scalar.as_py()
        return True
    except (OverflowError, ValueError):
        return False


def _are_known(column: Any) -> bool:
    import pyarrow.compute

    span = pyarrow.compute.min_max(column)
    return _is_known(span["min"]) and _is_known(span["max"])


def _is_of_our_age(column: Any) -> bool:
    """Say whether pandas' own zones are right for all times; Python's are much slower there."""
    import pyarrow.compute

    span = pyarrow.compute.min_max(column)
    return all(
        not one.is_valid or PANDAS_FIRST <= _day_number(one) <= PANDAS_LAST
        for one in (span["min"], span["max"])
    )


def _zone(name: str) -> datetime.tzinfo:
    """Return a time zone.

    Raises:
        ValueError: Python has none of this name.
    """
    if name[:1] in "+-":
        return datetime.datetime.strptime(name, "%z").tzinfo or datetime.UTC
    try:
        return zoneinfo.ZoneInfo(name)
    except (OSError, zoneinfo.ZoneInfoNotFoundError) as error:
        raise ValueError(f"no time zone is called {name}") from error


def _in_known_zones(table: Any) -> Any:
    """Return a table in UTC where Python does not know the zone; the moments are the same."""
    import pyarrow

    schema = pyarrow.schema([_in_known_zone(field) for field in table.schema])
    return table if schema == table.schema else table.cast(schema)


def _in_known_zone(field: Any) -> Any:
    import pyarrow

    kind, types = field.type, pyarrow.types
    if types.is_timestamp(kind) and kind.tz is not None:
        try:
            _zone(kind.tz)
        except ValueError:
            return field.with_type(pyarrow.timestamp(kind.unit, "UTC"))
    if types.is_struct(kind):
        return field.with_type(pyarrow.struct([_in_known_zone(one) for one in kind]))
    if types.is_map(kind):
        item = _in_known_zone(kind.item_field)
        return field.with_type(pyarrow.map_(_in_known_zone(kind.key_field), item))
    if types.is_list(kind):
        return field.with_type(pyarrow.list_(_in_known_zone(kind.value_field)))
    return field


def _called(kind: Any) -> str:
    import pyarrow

    return "date" if pyarrow.types.is_date(kind) else "timestamp"
