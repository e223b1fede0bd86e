"""SQL in a real driver: one for all of these tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from hopyard.protocol.exact import Number, encoded
from hopyard.protocol.messages import Complete, Inspect, Ready
from hopyard.protocol.states import Kind
from tests.integration import odd
from tests.integration.test_driver import CONF, Driver, Livy, new_driver
from tests.integration.test_driver_scala import ask


@pytest.fixture(scope="module")
async def driver(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Driver]:
    conf = CONF | {"spark.sql.session.timeZone": "America/New_York"}
    async with new_driver(tmp_path_factory.mktemp("driver"), conf=conf) as driver:
        ready = await driver.ready()
        assert isinstance(ready, Ready), ready
        yield driver


@pytest.fixture
def livy(driver: Driver) -> Livy:
    return driver.livy


VALUES: list[tuple[str, Any, Any]] = [
    ("1.20BD", "decimal(3,2)", 1.2),
    ("12345678901234567890.12BD", "decimal(22,2)", encoded(Number("12345678901234567890.12"))),
    (
        "cast('99999999999999999999' as decimal(38,0))",
        "decimal(38,0)",
        encoded(Number("99999999999999999999")),
    ),
    ("9007199254740993L", "long", 9007199254740993),
    ("9223372036854775807L", "long", 9223372036854775807),
    ("1Y", "byte", 1),
    ("cast(1.5 as float)", "float", 1.5),
    ("double('NaN')", "double", "NaN"),
    ("double('-Infinity')", "double", "-Infinity"),
    ("true", "boolean", True),
    ("null", "void", None),
    ("cast(null as int)", "integer", None),
    ("'ä😀\\n\"'", "string", 'ä😀\n"'),
    ("date'2024-02-29'", "date", "2024-02-29"),
    ("timestamp'2020-01-02 03:04:05'", "timestamp", "2020-01-02T03:04:05-05:00"),
    ("timestamp'2020-07-02 03:04:05.123456 UTC'", "timestamp", "2020-07-01T23:04:05.123456-04:00"),
    ("timestamp'2020-01-02 03:04:05.120'", "timestamp", "2020-01-02T03:04:05.120-05:00"),
    ("timestamp_ntz'2020-01-02 03:04:05'", "timestamp_ntz", "2020-01-02T03:04:05"),
    ("X'01ff'", "binary", "Af8="),
    ("array(1, null, 3)", None, [1, None, 3]),
    ("array(timestamp_ntz'2020-01-02 03:04:05')", None, ["2020-01-02T03:04:05"]),
    ("map('k', 1)", None, {"k": 1}),
    ("map(1, 'a')", None, {"1": "a"}),
    ("map(date'2024-02-29', X'01')", None, {"2024-02-29": "AQ=="}),
    ("map(1.50BD, map(date'2024-02-29', 1))", None, {"1.50": {"2024-02-29": 1}}),
    ("map(named_struct('x', 1), array(map(array(1, null), 2)))", None, {"{1}": [{"[1, null]": 2}]}),
    ("array(map(date'2024-02-29', 1))", None, [{"2024-02-29": 1}]),
    ("struct(1 a, null b, array(struct('x' c)) d)", None, {"a": 1, "b": None, "d": [{"c": "x"}]}),
    ("named_struct('m', map(date'2024-02-29', 1))", None, {"m": {"2024-02-29": 1}}),
    ("interval '1' day", "interval day", "INTERVAL '1' DAY"),
    ("interval '2-3' year to month", "interval year to month", "INTERVAL '2-3' YEAR TO MONTH"),
    ("parse_json('{\"a\": [1, null]}')", "variant", {"a": [1, None]}),
    ("array(parse_json('[1, \"x\"]'))", None, [[1, "x"]]),
    ("named_struct('a', 1, 'a', 2)", None, {"a_0": 1, "a_1": 2}),
    (
        "array(named_struct('a', 1, 'A', map(1, named_struct('b', 1, 'b', null))))",
        None,
        [{"a": 1, "A": {"1": {"b_0": 1, "b_1": None}}}],
    ),
    ("named_struct('A', map(date'2024-02-29', 1), 'a', 2)", None, {"A": {"2024-02-29": 1}, "a": 2}),
    ("make_interval(1, 2, 0, 3)", "interval", "1 years 2 months 3 days"),
    ("array(interval '1-2' year to month)", None, ["INTERVAL '1-2' YEAR TO MONTH"]),
    ("time'12:34:56.5'", "time(6)", "12:34:56.5"),
    (
        "st_geogfromwkb(X'0101000000000000000000F03F0000000000000040')",
        None,
        "AQEAAAAAAAAAAADwPwAAAAAAAABA",
    ),
    (
        "array(st_geomfromwkb(X'0101000000000000000000F03F0000000000000040'))",
        None,
        ["AQEAAAAAAAAAAADwPwAAAAAAAABA"],
    ),
    ("array()", None, []),
    ("map()", None, {}),
    ("date'+20000-01-01'", "date", "+20000-01-01"),
    ("cast(X'ff41' as string)", "string", "\ufffdA"),
    ("'a' collate unicode_ci", None, "a"),
    ("named_struct('c', array('a' collate utf8_lcase))", None, {"c": ["a"]}),
]


async def test_types_come_as_they_are(livy: Livy) -> None:
    columns = ", ".join(sql for sql, _, _ in VALUES)
    result = await livy.run(f"select {columns}", Kind.SQL)
    assert result.status == "ok", result.evalue
    table = result.data["application/json"]
    (row,) = table["data"]
    types = [field["type"] for field in table["schema"]["fields"]]
    for (sql, kind, value), got, type_ in zip(VALUES, row, types, strict=True):
        assert got == value, sql
        assert type(got) is type(value), sql
        assert kind is None or type_ == kind, sql


SCRIPT = """BEGIN
  DECLARE n INT = 0;
  DECLARE total INT = 0;
  counting: WHILE n < 10 DO
    SET n = n + 1;
    IF n % 2 = 0 THEN ITERATE counting; END IF; -- odd ones; only
    CASE WHEN n = 1 THEN SET total = total + 1; ELSE SET total = total + CASE WHEN n = 3 THEN 3
      WHEN n = 5 THEN 6 ELSE 0 END; END CASE;
    deeper: BEGIN SELECT 'not; END'; END deeper;
  END WHILE counting;
  REPEAT SET n = n - 1; UNTIL n < 5 END REPEAT;
  forever: LOOP LEAVE forever; END LOOP forever;
  SELECT total AS t;
END"""


@pytest.mark.parametrize(
    ("code", "data"),
    [
        ("select 1 as a, 2 as a", [[1, 2]]),
        ("select 1;", [[1]]),
        ("-- first\nselect ';' /* ; */ ; -- last", [[";"]]),
        ("create or replace temp view many as select 7 n; select n from many;", [[7]]),
        ("set spark.sql.hopyard.x = 1; select '${spark.sql.hopyard.x}'", [["1"]]),
        ("create or replace temp view none as select 1", []),
        ("select * from range(0)", []),
        ("SELECT r'a\\' AS p, 'b;c' AS q", [["a\\", "b;c"]]),
        ("SELECT r'a\\' AS p; SELECT 'b;c' AS q", [["b;c"]]),
        ('/* /* ; */ ; */ select 1 ; select "a;b"', [["a;b"]]),
        ("select 1 as `a;b`; select /*+ coalesce(1) */ 2;", [[2]]),
        ("select '😀;'; select '😀;' ;; ;", [["😀;"]]),
        ("select 'it''s; \\' ;' ; select 3", [[3]]),
        ("begin select 1; select 2; end", [[2]]),
        ("-- a script\nBEGIN\n  SELECT 1; SELECT 2;\nEND", [[2]]),
        ("/* a; script */ BEGIN SELECT 1; SELECT 2; END;", [[2]]),
        (SCRIPT, [[10]]),
        (f"select 1; {SCRIPT}; select 'after'", [["after"]]),
        (f"{SCRIPT}; {SCRIPT}; ", [[10]]),
        ("select 1 as begin; select 2 as end", [[2]]),
        ("select case when true then 'a;b' end as x; select 3", [[3]]),
    ],
)
async def test_text_may_have_several_statements(livy: Livy, code: str, data: Any) -> None:
    result = await livy.run(code, Kind.SQL)
    assert result.status == "ok", result.evalue
    assert result.data["application/json"]["data"] == data


@pytest.mark.parametrize("code", ["", " ; ", "-- nothing", "select 1; selec 2; select 3"])
async def test_what_is_no_statement_is_an_error(livy: Livy, code: str) -> None:
    result = await livy.run(code, Kind.SQL)
    assert (result.status, result.ename) == ("error", "ParseException")
    assert "[PARSE_" in result.evalue


async def test_names_are_completed_from_the_catalogue(livy: Livy) -> None:
    await livy.run("create or replace temp view hops as select 1 alpha, 'x' aroma", Kind.SQL)
    cases = [
        ("sele", "select", 0),
        ("SELECT coun", "count", 7),
        ("select * from ho", "hops", 14),
        ("select a from hops", "aroma", 7),
        ("select h.al from hops h", "alpha", 9),
    ]
    for number, (code, match, start) in enumerate(cases):
        cursor = len(code.split(" from ")[0]) if "from hops" in code else len(code)
        message = Complete(request=f"q{number}", kind=Kind.SQL, code=code, cursor=cursor)
        content = await ask(livy, message)
        assert match in content["matches"], code
        assert (content["cursor_start"], content["cursor_end"]) == (start, cursor)


async def test_tables_and_functions_are_described(livy: Livy) -> None:
    await livy.run("create or replace temp view hops as select 1 alpha, 'x' aroma", Kind.SQL)
    code = "select count(*) from hops"
    table = await ask(livy, Inspect(request="t", kind=Kind.SQL, code=code, cursor=23))
    assert "aroma: string" in table["data"]["text/plain"]
    function = await ask(livy, Inspect(request="f", kind=Kind.SQL, code=code, cursor=8))
    assert "Usage:" in function["data"]["text/plain"]
    nothing = await ask(livy, Inspect(request="n", kind=Kind.SQL, code="nosuch_", cursor=3))
    assert not nothing["found"]


async def test_a_value_that_nobody_expects_ends_its_own_statement_only(livy: Livy) -> None:
    for number in [await livy.execute(code, Kind.SQL) for code in odd.SQL]:
        result = await livy.result(number)
        assert result.status in ("ok", "error")
    after = await livy.run("SELECT 42 AS x", Kind.SQL)
    assert after.status == "ok"
