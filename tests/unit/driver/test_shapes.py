"""Types that are made simpler."""

from __future__ import annotations

from typing import Any

from hopyard.driver.shapes import distinct, for_arrow, for_json, has, texts


def array(kind: Any) -> dict[str, Any]:
    return {"type": "array", "elementType": kind, "containsNull": kind == "string"}


def struct(*fields: tuple[str, Any]) -> dict[str, Any]:
    return {
        "type": "struct",
        "fields": [
            {"name": name, "type": kind, "nullable": isinstance(kind, dict)}
            for name, kind in fields
        ],
    }


VECTOR = {
    "type": "udt",
    "class": "org.apache.spark.ml.linalg.VectorUDT",
    "sqlType": struct(("a", "integer")),
}


def test_what_arrow_has_stays() -> None:
    for kind in (
        *("decimal(38,0)", "string collate UNICODE_CI", "time(6)", "interval day to second"),
        *("interval hour", "geography(OGC:CRS84, SPHERICAL)", "void", "timestamp_ntz", "char(5)"),
        array(struct(("a", "long"), ("b", array("date")))),
    ):
        assert for_arrow(kind) == kind


def test_what_arrow_has_not_becomes_text_at_every_depth() -> None:
    for kind in ("interval year to month", "interval month", "interval", "variant", VECTOR, "new"):
        deep = struct(("x", array(kind)))
        assert for_arrow(kind) == "string"
        assert for_arrow(deep) == struct(("x", array("string")))
    deep = struct(("x", array(VECTOR)), ("y", "variant"), ("z", "string"))
    assert texts(deep, for_arrow(deep)) == ["vector", "variant"]


def test_nothing_that_cannot_be_null_becomes_text_in_silence() -> None:
    assert for_arrow(array("void")) == array("string")
    assert texts(array("void"), for_arrow(array("void"))) == []


def test_json_has_what_it_writes() -> None:
    assert for_json("variant") == "variant"
    assert for_json("interval year") == "interval year"
    assert for_json(VECTOR) == "string"
    assert for_json(struct(("a", "long"), ("a", "long"))) == struct(("0", "long"), ("1", "long"))


def test_names_are_made_distinct_as_spark_does() -> None:
    assert distinct(["a", "b", "a"]) == ["a_0", "b", "a_1"]
    assert distinct(["a", "a", "a_0"]) == ["a_1", "a_2", "a_0"]
    assert distinct(["a", "A"]) == ["a", "A"]


def test_a_type_is_found_at_every_depth() -> None:
    assert has(struct(("a", array("timestamp"))), "timestamp")
    assert not has(struct(("a", array("timestamp_ntz"))), "timestamp")
