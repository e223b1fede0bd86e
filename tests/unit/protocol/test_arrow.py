"""pandas' columns as Spark takes them."""

from __future__ import annotations

import datetime
import decimal
import uuid
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from hopyard.protocol.arrow import from_pandas

MICROS, UTC = pa.timestamp("us"), pa.timestamp("us", "UTC")
NOON = datetime.datetime(2024, 2, 29, 12)
TAKEN: dict[str, tuple[pd.Series, Any, list[Any]]] = {
    "uint8": (pd.Series([1, 200], dtype="uint8"), pa.int64(), [1, 200]),
    "uint16": (pd.Series([65535], dtype="uint16"), pa.int64(), [65535]),
    "uint32": (pd.Series([2**32 - 1], dtype="uint32"), pa.int64(), [2**32 - 1]),
    "uint64": (pd.Series([2**63 - 1], dtype="uint64"), pa.int64(), [2**63 - 1]),
    "UInt8": (pd.Series([1, None], dtype="UInt8"), pa.int64(), [1, None]),
    "int8": (pd.Series([-1], dtype="int8"), pa.int8(), [-1]),
    "int16": (pd.Series([-1], dtype="int16"), pa.int16(), [-1]),
    "float16": (pd.Series([1.5], dtype="float16"), pa.float64(), [1.5]),
    "bool": (pd.Series([True, None], dtype=object), pa.bool_(), [True, None]),
    "category": (pd.Series(["a", None]).astype("category"), pa.string(), ["a", None]),
    "days": (pd.Series([NOON]).astype("category"), MICROS, [NOON]),
    "zone": (
        pd.Series([NOON]).dt.tz_localize("Asia/Tokyo"),
        UTC,
        [datetime.datetime(2024, 2, 29, 3, tzinfo=datetime.UTC)],
    ),
    "nanos": (pd.Series([pd.Timestamp("2024-02-29 12:00:00.000000999")]), MICROS, [NOON]),
    "NaT": (pd.Series([pd.NaT, NOON]), MICROS, [None, NOON]),
    "timedelta": (
        pd.Series([pd.Timedelta(days=1), None]),
        pa.duration("us"),
        [datetime.timedelta(1), None],
    ),
    "bytes": (pd.Series([b"\xff"]), pa.binary(), [b"\xff"]),
    "decimal": (
        pd.Series([decimal.Decimal("1.50")]),
        pa.decimal128(3, 2),
        [decimal.Decimal("1.50")],
    ),
    "list": (pd.Series([[1, None]]), pa.list_(pa.int64()), [[1, None]]),
    "uint8s": (pd.Series([np.array([200], "uint8")]), pa.list_(pa.int64()), [[200]]),
    "dict": (pd.Series([{"a": [1]}]), pa.struct({"a": pa.list_(pa.int64())}), [{"a": [1]}]),
    "nulls": (pd.Series([None, None]), pa.null(), [None, None]),
    "NaN": (pd.Series([1.0, float("nan")]), pa.float64(), [1.0, None]),
    "NA": (pd.Series(["a", pd.NA]), pa.string(), ["a", None]),
    "Int64": (pd.Series([2**60 + 1, pd.NA], dtype="Int64"), pa.int64(), [2**60 + 1, None]),
    "date": (pd.Series([NOON.date()]), pa.date32(), [NOON.date()]),
    "time": (pd.Series([datetime.time(1, 2)]), pa.time64("us"), [datetime.time(1, 2)]),
    "sparse": (pd.Series(pd.arrays.SparseArray([1, 0])), pa.int64(), [1, 0]),
}


@pytest.mark.parametrize("name", TAKEN)
def test_a_column_is_taken(name: str) -> None:
    series, kind, values = TAKEN[name]
    (column,) = from_pandas(pd.DataFrame({"x": series})).columns
    assert (column.type, column.to_pylist()) == (kind, values)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([1, "a"], "values of several kinds (int, str)"),
        ([1j], "complex128"),
        ([2**64], "whole numbers beyond 64 bits"),
        ([[2**64]], "whole numbers beyond 64 bits"),
        (np.array([2**64 - 1], "uint64"), "whole numbers beyond 64 bits"),
        ([decimal.Decimal("1" * 40)], "decimal256"),
        ([uuid.UUID(int=1)], "uuid (.astype(str) makes it text)"),
        (pd.period_range("2024-01", periods=1, freq="M"), "period (.astype(str)"),
        (["\udcff"], "no Unicode"),
        ([[1, "a"]], "inside of a list"),
        ([object()], "values that Spark cannot have (object)"),
    ],
)
def test_what_spark_cannot_have_is_one_sentence(values: Any, words: str) -> None:
    with pytest.raises(ValueError) as raised:
        from_pandas(pd.DataFrame({"the column": values}))
    said = str(raised.value)
    assert said.startswith("Column 'the column' ") and words in said
    assert "a column may have truth values" in said and "\n" not in said


def test_frames_of_all_shapes_are_taken() -> None:
    assert from_pandas(pd.DataFrame()).num_columns == 0
    empty = from_pandas(pd.DataFrame({"a": pd.Series(dtype="uint8"), "b": pd.Series(dtype=object)}))
    assert (empty.num_rows, empty.column_names) == (0, ["a", "b"])
    columns = pd.MultiIndex.from_tuples([("a", "x"), ("a", "y")])
    multi = from_pandas(pd.DataFrame([[1, 2]], columns=columns))
    assert multi.column_names == ["('a', 'x')", "('a', 'y')"]
    assert from_pandas(pd.DataFrame([[1, 2]])).column_names == ["0", "1"]
    assert from_pandas(pd.Series([1], name="s")).to_pydict() == {"s": [1]}
    with warnings.catch_warnings(), pytest.raises(ValueError, match="several columns called 'a'"):
        from_pandas(pd.DataFrame([[1, 2]], columns=["a", "a"]))
