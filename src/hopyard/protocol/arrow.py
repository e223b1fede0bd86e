"""Rows as Arrow, between pandas and Spark: what kernels and drivers must agree on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

TEXTS = b"hopyard.texts"
"""The key of a stream's metadata under which is said which columns have values that came as Spark's
own text, since Arrow has no such: a JSON list of names and types."""
ALLOWED = (
    "truth values, whole numbers of 64 bits, floats, decimals of up to 38 digits, texts, bytes, "
    "dates, times, durations, categories, and lists or dicts of these, all of one kind"
)
BEYOND = "has whole numbers beyond 64 bits with a sign"


class NoColumn(ValueError):
    """A column that Spark cannot have; one sentence that says which, why and what is allowed."""

    def __init__(self, name: Any, why: str) -> None:
        super().__init__(f"Column {name!r} {why}: a column may have {ALLOWED}.")


def from_pandas(frame: Any) -> Any:
    """Return a pandas DataFrame, or a Series, as an Arrow table of types that Spark has.

    As PySpark does it: nulls stay nulls, categories become their values, integers without a sign 64
    bits wide with one. The index is left out.

    Raises:
        NoColumn: there is a column that Spark cannot have.
        ValueError: two columns have one name.
    """
    import pyarrow

    if not hasattr(frame, "columns"):
        frame = frame.to_frame()
    names = [str(name) for name in frame.columns]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(
            f"There are several columns called {twice[0]!r}: each column needs a name of its own."
        )
    columns = [_column(name, frame.iloc[:, number]) for number, name in enumerate(names)]
    return pyarrow.Table.from_arrays(columns, names=names)


def _column(name: str, series: Any) -> Any:
    import pyarrow

    if hasattr(series, "sparse"):
        series = series.sparse.to_dense()
    try:
        array = pyarrow.Array.from_pandas(series)
        if isinstance(array, pyarrow.ChunkedArray):
            array = array.combine_chunks()
        kind = _kind(name, array.type)
        return array if kind == array.type else _cast(array, kind)
    except NoColumn:
        raise
    except UnicodeEncodeError:
        raise NoColumn(name, "has a text that is no Unicode (half of a surrogate pair)") from None
    except OverflowError:
        raise NoColumn(name, BEYOND) from None
    except (pyarrow.ArrowException, ValueError, TypeError) as error:
        raise NoColumn(name, _why(series, error)) from None


def _cast(array: Any, kind: Any) -> Any:
    import pyarrow.compute

    try:
        # Spark has microseconds.
        options = pyarrow.compute.CastOptions(kind, allow_time_truncate=True)
        return array.cast(options=options)
    except NotImplementedError:  # of a dictionary inside of something
        return type(array).from_pandas(array.to_pylist(), type=kind)


def _kind(name: str, kind: Any) -> Any:
    """Return the type of Arrow for Spark in the place of one; often the same."""
    import pyarrow

    types = pyarrow.types
    if isinstance(kind, pyarrow.BaseExtensionType) or types.is_decimal256(kind):
        raise NoColumn(name, f"is of type {_called(kind)} (.astype(str) makes it text)")
    if types.is_dictionary(kind):
        return _kind(name, kind.value_type)
    if types.is_unsigned_integer(kind):
        return pyarrow.int64()
    if types.is_float16(kind):
        return pyarrow.float64()
    if types.is_timestamp(kind):
        return pyarrow.timestamp("us", kind.tz and "UTC")
    if types.is_duration(kind):
        return pyarrow.duration("us")
    if types.is_date64(kind):
        return pyarrow.date32()
    if types.is_fixed_size_binary(kind) and not types.is_decimal(kind):
        return pyarrow.binary()
    if types.is_struct(kind):
        return pyarrow.struct([_field(name, field) for field in _inner(kind)])
    if types.is_map(kind):
        return pyarrow.map_(_kind(name, kind.key_type), _field(name, kind.item_field))
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return pyarrow.list_(_field(name, kind.value_field))
    return kind


def _field(name: str, field: Any) -> Any:
    return field.with_type(_kind(name, field.type))


def _inner(kind: Any) -> Iterator[Any]:
    for number in range(kind.num_fields):
        yield kind.field(number)


def _called(kind: Any) -> str:
    return str(getattr(kind, "extension_name", kind)).removeprefix("pandas.").removeprefix("arrow.")


def _why(series: Any, error: Exception) -> str:
    """Say in words why Arrow does not take a column."""
    found = sorted({type(value).__name__ for value in series.head(10_000) if value is not None})
    found = [name for name in found if name not in ("NAType", "NaTType")]
    if str(series.dtype).lower() == "uint64" or "too large" in str(error):
        return BEYOND
    if str(series.dtype) != "object":
        return f"is of type {series.dtype}"
    if len(found) > 1:
        return f"has values of several kinds ({', '.join(found[:5])})"
    if found == ["int"] or "not in range" in str(error):
        return BEYOND
    if found and found[0] in ("list", "tuple", "dict", "ndarray", "set"):
        return f"has values that differ in kind inside of a {found[0]}"
    return f"has values that Spark cannot have ({', '.join(found)})"
