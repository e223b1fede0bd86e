"""Scala in a real driver: one for all of these tests."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hopyard.protocol.messages import (
    Answer,
    Cancel,
    Complete,
    Inspect,
    Progress,
    Result,
    Stream,
)
from hopyard.protocol.states import Kind
from tests.integration import odd
from tests.integration.test_driver import Driver, Livy, ready_driver


@pytest.fixture(scope="module")
async def driver(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Driver]:
    async with ready_driver(tmp_path_factory.mktemp("driver")) as driver:
        yield driver


@pytest.fixture
def livy(driver: Driver) -> Livy:
    return driver.livy


async def scala(livy: Livy, code: str) -> Result:
    return await livy.run(code, Kind.SPARK)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("val x = 1 + 1", "val x: Int = 2"),
        ("x + 1", "val res: Int = 3"),
        ("val a = 1\nval b = a + 1", "val a: Int = 1\nval b: Int = 2"),
        ("List(1, 2)\n  .map(_ + 1) // a comment\n  .sum", "val res: Int = 5"),
        ("import scala.collection.mutable", "import scala.collection.mutable"),
        ("def twice(i: Int) = i * 2", "def twice(i: Int): Int"),
        (
            'case class P(a: Int, b: String)\nobject P { def of(a: Int) = P(a, "z") }\nP.of(1)',
            "class P\nobject P\nval res: P = P(1,z)",
        ),
        (
            "implicit class More(i: Int) { def more = i + 1 }\n1.more",
            "class More\nval res: Int = 2",
        ),
        ("", None),
        ("// only a comment\n/* and another */", None),
        ("()", None),
        ('"ä€😀"', "val res: String = ä€😀"),
        ("spark.range(10).count()", "val res: Long = 10"),
        ("sc.parallelize(1 to 3).map(i => i * x).sum", "val res: Double = 12.0"),
        ('sqlContext.sql("select 1").as[Int].head', "val res: Int = 1"),
        ('Seq(P(1, "a"), P(2, "b")).toDS.map(p => p.a * x).collect().sum', "val res: Int = 6"),
        ('sc.parallelize(1 to 2).map(i => P(i, "q")).collect().last', "val res: P = P(2,q)"),
        (
            "val plus = udf((i: Long) => i + x)\n"
            'spark.range(2).select(plus($"id")).as[Long].collect()',
            "Array[Long] = Array(2, 3)",
        ),
        ('spark.range(3).select(max(col("id"))).as[Long].head', "val res: Long = 2"),
        ('"x" * 3000', "x" * 3000),
    ],
)
async def test_code_has_the_text_of_spark_shell(livy: Livy, code: str, text: str | None) -> None:
    result = await scala(livy, code)
    assert result.status == "ok", result.evalue
    if text is None:
        assert result.data == {}
    else:
        assert text in re.sub(r"\bres\d+\b", "res", result.data["text/plain"])


@pytest.mark.parametrize(
    ("code", "evalue", "traceback"),
    [
        (
            "nosuch",
            "<console>:1: error: not found: value nosuch",
            ["       nosuch\n", "       ^\n"],
        ),
        ("val y = 3\n\nnosuch(y)", "<console>:3: error: not found: value nosuch", None),
        ('val n: Int = "s"', "<console>:1: error: type mismatch;\n", None),
        ("for (i <- 1 to 3) {", "<console>: error: the code is incomplete", None),
        ('val s = """never closed', "<console>: error: the code is incomplete", None),
        ("1 / 0", "java.lang.ArithmeticException: / by zero", []),
        (
            "def f(i: Int) = {\n  1 / i\n}\nf(0)",
            "java.lang.ArithmeticException: / by zero",
            ["  at f(<console>:2)\n"],
        ),
        (
            'throw new IllegalStateException("one\\ntwo")',
            "java.lang.IllegalStateException: one\ntwo",
            [],
        ),
        ('spark.sql("select nosuch")', "[UNRESOLVED_COLUMN.WITHOUT_SUGGESTION]", None),
        ("sc.parallelize(1 to 2).map(i => i / 0).collect()", "/ by zero", None),
        (":help", "Commands of the Scala shell (':help') do not run here", []),
        (":quit", "does not end the session", []),
        ("%nosuch x", "Unknown magic %nosuch. Allowed: %json", []),
    ],
)
async def test_an_error_says_what_and_where(
    livy: Livy, code: str, evalue: str, traceback: list[str] | None
) -> None:
    result = await scala(livy, code)
    assert (result.status, result.ename) == ("error", "Error")
    assert evalue in result.evalue
    if traceback is not None:
        assert result.traceback == traceback
    assert "\tat " not in result.evalue + "".join(result.traceback)
    assert (await scala(livy, "1")).status == "ok"


async def test_streams_are_told_apart_and_complete(livy: Livy) -> None:
    code = """
    (1 to 5000).foreach(println)
    Console.err.println("from Console")
    System.out.println("from Java")
    System.err.print("ö")
    """
    statement = await livy.execute(code, Kind.SPARK)
    assert (await livy.result(statement)).status == "ok"
    numbers = "".join(f"{i}\n" for i in range(1, 5001))
    assert livy.text(statement) == numbers + "from Java\n"
    assert livy.text(statement, "stderr") == "from Console\nö"


async def test_output_comes_while_the_code_runs(livy: Livy) -> None:
    statement = await livy.execute('print("now")\nThread.sleep(3000)', Kind.SPARK)
    await livy.said(statement, "now")
    assert not livy.of(Result, statement)
    await livy.result(statement)


async def test_a_class_is_used_by_spark_in_the_cell_that_defines_it(livy: Livy) -> None:
    code = (
        "case class Day(n: Long, hot: Boolean)\n"
        "val days = spark.range(10).selectExpr('id as n', 'id > 6 as hot').as[Day]\n".replace(
            "'", '"'
        )
        + "println(days.filter(day => day.hot)\n  .count())\n"
        "sys.error(days.groupByKey(_.hot).count().count().toString)"
    )
    result = await scala(livy, code)
    assert result.ename == "Error" and "RuntimeException: 2" in result.evalue


async def test_livys_magics(livy: Livy) -> None:
    result = await scala(
        livy, "case class Q(a: Int, b: Option[String])\nval q = Q(1, None)\n%json q"
    )
    assert result.data == {"application/json": {"a": 1, "b": None}}
    result = await scala(livy, '%json Map("k" -> List(1.5, 2), 3 -> q)')
    assert result.data == {"application/json": {"k": [1.5, 2], "3": {"a": 1, "b": None}}}
    result = await scala(livy, 'val rows = Seq(Map("a" -> 1, "b" -> "x"))\n%table rows')
    assert result.data["application/vnd.livy.table.v1+json"] == {
        "headers": [{"name": "a", "type": "BIGINT_TYPE"}, {"name": "b", "type": "STRING_TYPE"}],
        "data": [[1, "x"]],
    }
    result = await scala(livy, "%table spark.range(2)")
    assert result.data["application/vnd.livy.table.v1+json"]["data"] == [[0], [1]]
    result = await scala(livy, "1\n%json nosuch")
    assert result.evalue == "<console>:2: error: not found: value nosuch"


async def test_views_are_shared_with_the_other_languages(livy: Livy) -> None:
    await livy.run("spark.range(3).createOrReplaceTempView('from_python')")
    await scala(livy, 'spark.range(4).createOrReplaceTempView("from_scala")')
    await livy.run("create or replace temp view from_sql as select * from range(5)", Kind.SQL)
    for view, rows in (("from_python", 3), ("from_scala", 4), ("from_sql", 5)):
        text = f'spark.table("{view}").count()'
        assert (await livy.run(text)).data["text/plain"] == str(rows)
        assert (await scala(livy, text)).data["text/plain"].endswith(f"Long = {rows}")
        counted = await livy.run(f"select count(*) from {view}", Kind.SQL)
        assert counted.data["application/json"]["data"] == [[rows]]
    same = await livy.run("sc.applicationId")
    assert (
        same.data["text/plain"].strip("'")
        in ((await scala(livy, "sc.applicationId")).data["text/plain"])
    )


@pytest.mark.parametrize(
    "code",
    [
        "while (true) {}",
        "Thread.sleep(60000)",
        'spark.range(0, 10000000000000L, 1, 4).selectExpr("sum(id % 7)").collect()',
        "sc.parallelize(1 to 2, 2).map { i => Thread.sleep(60000); i }.collect()",
    ],
    ids=["loop", "sleep", "query", "job"],
)
async def test_cancel_stops_and_the_definitions_stay(livy: Livy, code: str) -> None:
    await scala(livy, "val kept = 42")
    statement = await livy.execute(f'println("begun")\n{code}', Kind.SPARK)
    await livy.said(statement, "begun")
    before = time.monotonic()
    await livy.send(Cancel(statement=statement))
    result = await livy.result(statement, 20)
    assert result.status == "cancelled"
    assert "restarted" not in result.evalue
    assert time.monotonic() - before < 9
    again = await scala(livy, "kept")
    assert again.data.get("text/plain", "").endswith("Int = 42"), again
    assert (await scala(livy, "spark.range(7).count()")).data["text/plain"].endswith("Long = 7")


async def test_cancel_lets_classes_become_ready(livy: Livy) -> None:
    made = """val compiler = new org.codehaus.janino.SimpleCompiler()
compiler.cook("public class Slow { public static int n = made(); static int made() {" +
  "long end = System.currentTimeMillis() + 1500;" +
  "while (System.currentTimeMillis() < end) {} return 7; }}")
val slow = compiler.getClassLoader.loadClass("Slow").getField("n")"""
    assert (await scala(livy, made)).status == "ok"
    statement = await livy.execute('println("begun")\nslow.get(null); while (true) {}', Kind.SPARK)
    await livy.said(statement, "begun")
    await livy.send(Cancel(statement=statement))
    assert (await livy.result(statement, 20)).status == "cancelled"
    # A class whose initialisation was stopped would be lost to the JVM.
    again = await scala(livy, "slow.get(null)")
    assert again.data.get("text/plain", "").endswith("Object = 7"), again


async def test_code_that_does_not_stop_loses_its_interpreter(livy: Livy) -> None:
    code = """
    println("begun")
    while (!new java.io.File("/nosuch").exists) {
      try Thread.sleep(100000) catch { case _: Throwable => }
    }
    """
    statement = await livy.execute(code, Kind.SPARK)
    await livy.said(statement, "begun")
    await livy.send(Cancel(statement=statement))
    result = await livy.result(statement)
    assert result.status == "cancelled"
    assert "restarted" in result.evalue
    assert (await scala(livy, "kept")).status == "error"
    code = "val z = 5\nspark.range(3).map(i => i + z).collect().sum"
    assert (await scala(livy, code)).data["text/plain"].endswith("Long = 18")


async def test_progress_is_reported(livy: Livy) -> None:
    code = "sc.parallelize(1 to 8, 8).map { i => Thread.sleep(500); i }.count()"
    statement = await livy.execute(code, Kind.SPARK)
    assert (await livy.result(statement)).data["text/plain"].endswith("Long = 8")
    assert livy.of(Progress, statement)[-1].tasks == 8


async def ask(livy: Livy, message: Any) -> dict[str, Any]:
    await livy.send(message)
    answer: Answer = await livy.wait(
        lambda m: isinstance(m, Answer) and m.request == message.request
    )
    return answer.content


async def test_completion_and_inspection(livy: Livy) -> None:
    await scala(livy, "val someNumbers = List(1)")
    for number, (code, match, start) in enumerate(
        [
            ("1 + someNu", "someNumbers", 4),
            ("spark.ran", "range", 6),
            ("someNumbers.he", "head", 12),
        ]
    ):
        message = Complete(request=f"s{number}", kind=Kind.SPARK, code=code, cursor=len(code))
        content = await ask(livy, message)
        assert match in content["matches"]
        assert (content["cursor_start"], content["cursor_end"]) == (start, len(code))
    message = Inspect(request="si", kind=Kind.SPARK, code="spark.range(3)", cursor=8)
    content = await ask(livy, message)
    assert content["found"]
    assert "def range(end: Long)" in content["data"]["text/plain"]


async def test_a_value_that_nobody_expects_ends_its_own_statement_only(livy: Livy) -> None:
    for number in [await livy.execute(code, Kind.SPARK) for code in odd.SCALA]:
        result = await livy.result(number)
        assert result.status in ("ok", "error")
    after = await livy.run("6 * 7", Kind.SPARK)
    assert after.status == "ok"


LATE = """\
val go = new java.io.File("{go}")
new Thread(() => {{ while (!go.exists) Thread.sleep(20); println("late") }}).start()
"""


async def test_what_is_printed_late_belongs_to_the_last_statement(
    livy: Livy, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    number = await livy.execute(LATE.format(go=go), Kind.SPARK)
    ended = await livy.result(number)
    go.touch()
    await livy.said(number, "late")
    assert all(one.seq > ended.seq for one in livy.of(Stream, number))
