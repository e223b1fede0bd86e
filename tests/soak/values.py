"""Random code that shows random values in random ways, in each language of a session."""

from __future__ import annotations

import random
from collections.abc import Callable

TEXTS = ("", "x", "\\ud800", "\\udce9", "\\0", "\\x1b[31m", "\\ufdd0", "\\uffff", "😀", "a" * 5000)
NUMBERS = (
    "0",
    "-0.0",
    "1e308",
    "2**63",
    "10**400",
    "float('nan')",
    "float('-inf')",
    "True",
    "None",
)
OBJECTS = ("object()", "len", "1j", "b'\\xff\\0'", "...", "{1, 2}", "(1,)", "range(3)")
MIMES = ("text/plain", "text/html", "image/png", "application/json", "x", "application/x+json")
FIELDS = ("data", "metadata", "transient", "name", "text", "wait", "ename", "evalue", "traceback")
KINDS = ("stream", "display_data", "update_display_data", "execute_result", "error", "clear_output")
KINDS += ("status", "comm_open", "comm_msg", "x")
ERRORS = ("ValueError", "StopIteration", "KeyboardInterrupt", "BaseException", "UnicodeError")


def python(chance: random.Random) -> str:
    """Return Python that shows a value in some way."""
    pick = chance.choice
    value = _python_value(chance, 3)
    page = "get_ipython().payload_manager.write_payload({'source': 'page', 'data': "
    kernel = "k = get_ipython().kernel; k.send_response(k.iopub_socket, "
    bundle = f"{{{pick(MIMES)!r}: {value}, {pick(MIMES)!r}: {_python_value(chance, 1)}}}"
    ways: tuple[Callable[[], str], ...] = (
        lambda: f"print({value})",
        lambda: value,
        lambda: f"x = {value}\n%json x",
        lambda: f"x = [{{'a': {value}}}, {{'a': {value}}}]\n%table x",
        lambda: f"display({bundle}, raw=True, metadata={{'hopyard': {value}}})",
        lambda: f"display({value}, display_id={_python_text(chance)})",
        lambda: f"raise {pick(ERRORS)}({value})",
        lambda: f"{kernel}{pick(KINDS)!r}, {{{pick(FIELDS)!r}: {value}, 'data': {bundle}}})",
        lambda: f"import sys; sys.stderr.write({_python_text(chance)})",
        lambda: "import os; os.write(2, bytes(range(256)))",
        lambda: page + value + "})",
        lambda: f"class A:\n    def _repr_html_(self): return {value}\nA()",
        lambda: f"spark.createDataFrame([({value},)], 'a string')",
        lambda: f"globals()[{_python_text(chance)}] = {value}",
    )
    return pick(ways)()


def _python_text(chance: random.Random) -> str:
    return "'" + "".join(chance.choices(TEXTS, k=chance.randrange(3))).replace("'", "") + "'"


def _python_value(chance: random.Random, depth: int) -> str:
    form = chance.randrange(7 if depth else 4)
    if form == 0:
        return _python_text(chance)
    if form in (1, 2):
        return chance.choice(NUMBERS)
    if form == 3:
        return chance.choice(OBJECTS)
    inner = [_python_value(chance, depth - 1) for _ in range(chance.randrange(3))]
    if form == 4:
        return "[" + ", ".join(inner) + "]"
    if form == 5:
        return "{" + ", ".join(f"{_python_text(chance)}: {one}" for one in inner) + "}"
    return "{" + ", ".join(f"{chance.choice(NUMBERS)}: {one}" for one in inner) + "}"


def sql(chance: random.Random) -> str:
    """Return SQL with columns of random types, nested, under random names."""
    names = ("a", "a", "", "a.b", "a``b", "\ufdd0", "'", "😀", "0")
    columns = [
        f"{_sql_value(chance, 3)} AS `{chance.choice(names)}`"
        for _ in range(chance.randrange(1, 4))
    ]
    more = chance.choice(("", " WHERE false", " LIMIT 0", " UNION ALL SELECT 1", "; SELECT 1"))
    return f"SELECT {', '.join(columns)}{more}"


def _sql_value(chance: random.Random, depth: int) -> str:
    plain = ("null", "1Y", "9223372036854775807L", "-0.0D", "double('NaN')", "float('Infinity')")
    plain += ("1e38BD", "12345678901234567890.123BD", "true", "X'ff00'", "''", "'\ufdd0'", "'😀'")
    plain += ("date'0001-01-01'", "timestamp'9999-12-31 23:59:59.999999'", "interval '1' day")
    plain += ("interval '1-2' year to month", "timestamp_ntz'2020-01-01 00:00:00'", "'\\\\ud800'")
    plain += ("cast(X'e9' as string)", "parse_json('{\"a\": [1, null]}')", "char(0)", "'{\"a\":1}'")
    if not depth or chance.random() < 0.3:
        return chance.choice(plain)
    inner = [_sql_value(chance, depth - 1) for _ in range(2)]
    forms = ("array({0})", "map({0}, {1})", "named_struct('x', {0}, 'x', {1})", "struct({0}, {1})")
    return chance.choice((*forms, "map(array({0}), {1})", "array({0}, null)")).format(*inner)


def scala(chance: random.Random) -> str:
    """Return Scala that shows a value in some way."""
    values = ('"\\ud800"', '"\\u0000"', "null", "Double.NaN", "BigInt(10).pow(400)", "Nil", "()")
    values += ("Map(1 -> null)", "Array[Byte](-1)", "Some(None)", '"x" * 100000', "'\\ud800'")
    value = chance.choice(values)
    ways = ("println({})", "{}", "val x = List({})\n%json x", "throw new Exception({}.toString)")
    ways += ("val x = List(Map(1 -> {}))\n%table x", "System.err.print({})", "def f = {}\nf")
    ways += ("class A {{ override def toString = {}.toString }}; new A", "spark.sql({}.toString)")
    return chance.choice(ways).format(value)


def r(chance: random.Random) -> str:
    """Return R that shows a value in some way."""
    values = ('"caf\\xe9"', "NULL", "NA", "NaN", "-Inf", "list()", "raw(2)", "1i", "quote(f(x))")
    values += ("function(x) x", "globalenv()", "as.Date(NA)", "factor('a')", "1e308", "2^63")
    values += ("list(a = NULL, `\\xe9` = 1)", "data.frame(x = NaN)", 'strrep("x", 100000)')
    value = chance.choice(values)
    ways = ("print({})", "{}", "cat(format({}))", "stop({})", "message({})", "warning({})")
    ways += ("x <- {}; str(x)", "list({}, {})", "sql(paste({}))", "invisible({})")
    return chance.choice(ways).format(value, value)


GENERATORS = {"pyspark": python, "sql": sql, "spark": scala, "sparkr": r}
