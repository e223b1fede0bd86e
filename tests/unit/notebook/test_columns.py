"""Columns of Arrow as pandas' own."""

from __future__ import annotations

import datetime
import json
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from hopyard.notebook.kernels.columns import _zone, text, to_pandas
from hopyard.protocol.arrow import TEXTS

BIG = 2**53 + 1
NOON = datetime.datetime(2024, 2, 29, 12, tzinfo=datetime.UTC)


def utf8(data: bytes) -> pa.Array:
    """A text that is not checked, as Spark's are."""
    return pa.Array.from_buffers(pa.string(), 1, pa.array([data], pa.binary()).buffers())


def first(array: pa.Array) -> object:
    frame, texts = to_pandas(pa.table({"x": array}))
    assert texts == []
    return frame["x"].iloc[0]


def test_integers_stay_integers_at_every_depth():
    assert list(first(pa.array([[BIG, None]]))) == [BIG, None]
    assert first(pa.array([{"x": BIG}, {"x": None}])) == {"x": BIG}
    pairs = pa.array([[("k", BIG), ("l", None)]], pa.map_(pa.string(), pa.int64()))
    assert first(pairs) == [("k", BIG), ("l", None)]
    deep = pa.array([[{"x": [[BIG, None], None]}, None]])
    (struct, none) = first(deep)
    (inner, nothing) = struct["x"]
    assert (list(inner), nothing, none) == ([BIG, None], None, None)


@pytest.mark.parametrize("zone", ["America/New_York", "+08:00", "-03:30", "UTC"])
def test_times_keep_their_zone_at_every_depth(zone):
    kind = pa.timestamp("us", zone)
    alone = first(pa.array([NOON], kind))
    (inside, none) = first(pa.array([[NOON, None]], pa.list_(kind)))
    assert alone == inside == NOON and none is None
    assert alone.utcoffset() == inside.utcoffset()


def test_a_zone_that_nobody_knows_becomes_utc():
    unknown = pa.timestamp("us", "Mars/Base")
    assert str(first(pa.array([NOON], unknown))) == "2024-02-29 12:00:00+00:00"
    (inside,) = first(pa.array([[{"t": NOON}]], pa.list_(pa.struct({"t": unknown}))))
    assert inside["t"] == NOON


def test_years_that_python_has_not_come_as_sparks_text():
    days = pa.array([6_585_000, -800_000, None], pa.int32()).cast(pa.date32())
    frame, texts = to_pandas(pa.table({"d": days, "n": [1, 2, 3]}))
    assert frame["d"].tolist() == ["+19999-02-13", "-0221-09-04", None]
    assert texts == [("d", "date beyond the years 1 to 9999")]
    nested = pa.ListArray.from_arrays([0, 2], days[1:])
    frame, texts = to_pandas(pa.table({"d": nested}))
    assert frame["d"].iloc[0].tolist() == ["-0221-09-04", None]


@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Berlin", "America/New_York", "+18:00"])
@pytest.mark.parametrize(
    "moment",
    ["0001-01-01 18:00:00", "1600-06-01 12:00:00", "2050-07-01 12:00:00", "9999-12-31 05:59:59.9"],
)
def test_times_of_every_year_have_the_clock_of_their_zone(moment, zone):
    at = datetime.datetime.fromisoformat(moment)
    at = at.replace(tzinfo=datetime.UTC).astimezone(_zone(zone)) if zone else at
    kind = pa.timestamp("us", zone)
    alone = first(pa.array([at], kind))
    (inside,) = first(pa.array([[at]], pa.list_(kind)))
    assert alone.to_pydatetime().isoformat() == inside.isoformat() == at.isoformat()
    frame, _ = to_pandas(pa.table({"t": pa.array([at, None], kind)}))
    assert str(at.year) in frame.to_html()


def test_the_first_and_the_last_day_stay_days():
    edges = [datetime.date(1, 1, 1), datetime.date(9999, 12, 31)]
    frame, texts = to_pandas(pa.table({"d": edges}))
    assert [one.date() for one in frame["d"]] == edges and texts == []
    assert list(first(pa.array([edges]))) == edges
    moment = datetime.datetime(9999, 12, 31, 23, 59, 59)
    assert first(pa.array([moment.replace(tzinfo=ZoneInfo("Asia/Tokyo"))])).year == 9999
    past = pa.array([moment.replace(tzinfo=datetime.UTC)]).cast(pa.timestamp("us", "Asia/Tokyo"))
    frame, texts = to_pandas(pa.table({"t": past}))
    assert frame["t"].tolist() == ["+10000-01-01 08:59:59"] and texts[0][0] == "t"


@pytest.mark.parametrize(
    ("micros", "zone", "shown"),
    [
        (568971820800000000, "UTC", "+20000-01-01 00:00:00"),
        (568971820800000000, "America/New_York", "+19999-12-31 19:00:00"),
        (2**63 - 1, "UTC", "+294247-01-10 04:00:54.775807"),
        (-(2**63) + 1, "UTC", "-290308-12-21 19:59:05.224193"),
        (-62135596800000000, "America/New_York", "0000-12-31 19:03:58"),
        (1709208000500000, None, "2024-02-29 12:00:00.5"),
    ],
)
def test_times_are_written_as_spark_does(micros, zone, shown):
    assert text(pa.scalar(micros, pa.int64()).cast(pa.timestamp("us", zone))) == shown


def test_texts_that_are_no_utf8_are_shown():
    assert first(utf8(b"\xffA")) == "\ufffdA"
    assert list(first(pa.ListArray.from_arrays([0, 1], utf8(b"\xffA")))) == ["\ufffdA"]


def test_what_became_text_in_spark_is_known():
    table = pa.table({"v": ["[1]"]}).replace_schema_metadata(
        {TEXTS: json.dumps([("v", "variant")])}
    )
    assert to_pandas(table)[1] == [("v", "variant")]


def test_one_element_alone_stays_an_array():
    found = first(pa.array([[NOON]], pa.list_(pa.timestamp("us", "Asia/Tokyo"))))
    assert found.tolist() == [NOON.astimezone(ZoneInfo("Asia/Tokyo"))]
