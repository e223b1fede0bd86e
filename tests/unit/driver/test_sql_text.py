from hopyard.driver.interpreters.sql_text import expression, number, row, value, whole
from hopyard.protocol.exact import MARK, Number, decoded


def test_numbers_keep_their_digits() -> None:
    assert number("1.20") == 1.2
    assert number("12345678901234567890.12") == Number("12345678901234567890.12")
    assert whole("9007199254740993") == 9007199254740993
    assert whole("99999999999999999999") == Number("99999999999999999999")


def test_a_users_text_is_no_number_anywhere_in_a_row() -> None:
    text, digits = f"{MARK}1{MARK}", "9" * 20
    struct = {"type": "struct", "fields": [{"name": text, "type": "string"}]}
    fields = [{"type": kind} for kind in ("string", "decimal(38,0)", struct, "variant")]
    given = {"0": text, "1": Number(digits), "2": {"0": text}, "3": {"a": [text]}}
    taken = decoded(row(given, fields))
    assert taken == [text, Number(digits), {text: text}, {"a": [text]}]


def test_timestamps_without_a_fraction_have_none() -> None:
    assert value("2020-01-02T03:04:05.000000Z", "timestamp") == "2020-01-02T03:04:05Z"
    assert value("2020-01-02T03:04:05.120000+01:00", "timestamp").endswith("05.120+01:00")
    assert value("2020-01-02T03:04:05.000001", "timestamp_ntz").endswith("05.000001")
    nested = {"type": "array", "elementType": "timestamp_ntz"}
    assert value(["2020-01-02T03:04:05.000000", None], nested) == ["2020-01-02T03:04:05", None]


def test_keys_of_maps_become_texts() -> None:
    plain = {"type": "map", "keyType": "integer", "valueType": "date"}
    dates = {"type": "map", "keyType": "date", "valueType": "long"}
    assert expression(plain, "`0`") == "`0`"
    assert expression(dates, "`0`") == "transform_keys(`0`, (v0, v1) -> cast(v0 as string))"
    struct = {"type": "struct", "fields": [{"name": "a`b", "type": dates}]}
    array = {"type": "array", "elementType": "integer", "containsNull": True}
    keyed = {"type": "map", "keyType": array, "valueType": "long", "valueContainsNull": True}
    assert expression(keyed, "`0`") == "transform_keys(`0`, (v0, v1) -> cast(v0 as string))"
    assert expression({"type": "array", "elementType": struct}, "`0`") == (
        "transform(`0`, v0 -> if(v0 is null, null, named_struct('a`b', "
        "transform_keys(v0.`a``b`, (v1, v2) -> cast(v1 as string)))))"
    )


def test_fields_of_one_name_are_all_there() -> None:
    fields = [{"name": name, "type": "long"} for name in ("a", "b", "a", "a_0")]
    struct = {"type": "struct", "fields": fields}
    array = {"type": "array", "elementType": struct}
    given = [{"0": 1, "1": 2, "2": 3, "3": 4}]
    assert value(given, array) == [{"a_1": 1, "b": 2, "a_2": 3, "a_0": 4}]
