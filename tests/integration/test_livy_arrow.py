"""DataFrames through the Livy server as Arrow streams."""

from __future__ import annotations

import datetime
import decimal
import shutil
import time
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest

from tests.integration.livy import Livy, temp_livy, until


@pytest.fixture(scope="module")
def livy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Livy]:
    with temp_livy(tmp_path_factory.mktemp("livy-arrow")) as server:
        yield server


@pytest.fixture(scope="module")
def session(livy: Livy) -> int:
    conf = {"spark.master": "local[2]", "spark.sql.session.timeZone": "UTC"}
    return livy.ready(driverMemory="1g", conf=conf)


def arrow(livy: Livy, session: int, statement: int, **query: Any) -> pa.Table:
    address = f"/sessions/{session}/statements/{statement}/arrow"
    answer = livy.http.get(address, params=query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/vnd.apache.arrow.stream"
    return pa.ipc.open_stream(answer.content).read_all()


def ran(livy: Livy, session: int, code: str, **body: Any) -> int:
    statement = livy.submit(session, code, **body)
    assert livy.done(session, statement)["output"]["status"] == "ok"
    return statement


def test_last_expression_comes_with_its_types(livy: Livy, session: int) -> None:
    code = """
from pyspark.sql import functions as F
spark.sql("SELECT 12345678901234567890.12 AS d, DATE'2024-02-29' AS day, CAST(NULL AS INT) AS n, "
          "TIMESTAMP'2024-02-29 12:00:00' AS t, array(1, 2) AS a, map('k', 1) AS m, "
          "named_struct('x', 1, 'y', 'z') AS s, CAST('b' AS BINARY) AS b, 1 AS same, 2 AS same")
"""
    table = arrow(livy, session, ran(livy, session, code))
    assert table.column_names[-2:] == ["same", "same"]
    assert table.schema.field("n").type == pa.int32()
    assert table.schema.field("t").type == pa.timestamp("us", tz="UTC")
    row = {name: table.column(index)[0].as_py() for index, name in enumerate(table.column_names)}
    assert row["d"] == decimal.Decimal("12345678901234567890.12")
    assert row["day"] == datetime.date(2024, 2, 29)
    assert row["n"] is None
    assert row["t"] == datetime.datetime(2024, 2, 29, 12, tzinfo=datetime.UTC)
    assert (row["a"], row["m"], row["s"]) == ([1, 2], [("k", 1)], {"x": 1, "y": "z"})
    assert row["b"] == b"b"


def test_rows_keep_their_order_and_the_limit_cuts(livy: Livy, session: int) -> None:
    code = "df = spark.range(0, 100_000, 1, 8); df.orderBy(df.id.desc()).selectExpr('id', 'id * 2')"
    statement = ran(livy, session, code)
    ids = arrow(livy, session, statement).column(0).to_pylist()
    assert ids == list(range(99_999, -1, -1))
    assert arrow(livy, session, statement, limit=3).column(0).to_pylist() == ids[:3]
    assert arrow(livy, session, statement, limit=0).num_rows == 0
    assert arrow(livy, session, statement, name="df").num_columns == 1


def test_sql_gives_its_whole_result(livy: Livy, session: int) -> None:
    statement = ran(livy, session, "SELECT id, id % 7 AS k FROM range(2500)", kind="sql")
    table = arrow(livy, session, statement)
    assert (table.num_rows, table.column_names) == (2500, ["id", "k"])


def test_what_is_not_there_is_said(livy: Livy, session: int) -> None:
    statement = ran(livy, session, "number = 1\nnumber")
    address = f"/sessions/{session}/statements/{statement}/arrow"
    for query, status, words in (
        ({}, 404, "no Spark DataFrame"),
        ({"name": "nothing_here"}, 404, "There is no variable 'nothing_here'."),
        ({"name": "number"}, 404, "'number' is no Spark DataFrame but of type int."),
        ({"name": "1 + 1"}, 400, "name"),
        ({"limit": -1}, 400, "limit"),
    ):
        answer = livy.http.get(address, params=query)
        assert (answer.status_code, words in answer.json()["msg"]) == (status, True), answer.text
    missing = livy.http.get(f"/sessions/{session}/statements/9999/arrow")
    assert (missing.status_code, missing.json()["msg"]) == (404, "Statement not found")
    tables = livy.run(session, "spark.sql('SHOW TABLES IN global_temp').count()")
    assert tables["data"]["text/plain"] == "0"


def test_failing_job_is_an_answer(livy: Livy, session: int) -> None:
    statement = ran(livy, session, "spark.range(10).selectExpr('1 / (id - 5)')")
    answer = livy.http.get(f"/sessions/{session}/statements/{statement}/arrow")
    assert answer.status_code == 409
    assert "Division by zero" in answer.json()["msg"]


def test_busy_session_is_said_and_others_cannot_bring(livy: Livy, session: int) -> None:
    running = livy.submit(session, "import time; time.sleep(60)")
    until(lambda: livy.statement(session, running)["state"] == "running", 20, "it runs")
    answer = livy.http.get(f"/sessions/{session}/statements/0/arrow")
    assert answer.status_code == 409
    assert "ask again" in answer.json()["msg"]
    livy.http.post(f"/sessions/{session}/statements/{running}/cancel")
    livy.done(session, running)
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        answer = livy.http.post(f"/livy/drivers/{session}/arrow/0", content=b"x", headers=headers)
        assert answer.status_code == 403


def test_client_that_goes_away_stops_the_job(livy: Livy, session: int) -> None:
    slow = "spark.range(0, 10**15, 1, 2).selectExpr('id % 7 AS k').groupBy('k').count()"
    statement = ran(livy, session, slow)
    with pytest.raises(Exception, match="timed out"):
        livy.http.get(f"/sessions/{session}/statements/{statement}/arrow", timeout=3)
    jobs = "len(spark.sparkContext.statusTracker().getActiveJobsIds())"
    until(
        lambda: livy.run(session, jobs)["data"]["text/plain"] == "0", 30, "the jobs are cancelled"
    )
    begun = time.monotonic()
    assert arrow(livy, session, ran(livy, session, "spark.range(5)")).num_rows == 5
    assert time.monotonic() - begun < 30


def test_scala_gives_frames_too(livy: Livy, session: int) -> None:
    statement = ran(livy, session, "val hops = spark.range(3)", kind="spark")
    assert arrow(livy, session, statement).column(0).to_pylist() == [0, 1, 2]
    later = ran(livy, session, "val five = 5", kind="spark")
    assert arrow(livy, session, later, name="hops").num_rows == 3
    for query in ({}, {"name": "five"}):
        address = f"/sessions/{session}/statements/{later}/arrow"
        assert livy.http.get(address, params=query).status_code == 404


@pytest.mark.skipif(shutil.which("R") is None, reason="R is not installed")
def test_r_gives_frames_too(livy: Livy, session: int) -> None:
    statement = ran(livy, session, "hops <- sql('SELECT * FROM range(3)')\nhops", kind="sparkr")
    assert arrow(livy, session, statement).column(0).to_pylist() == [0, 1, 2]
    own = ran(livy, session, "invisible(data.frame(n = c(1L, NA), s = c('x', NA)))", kind="sparkr")
    table = arrow(livy, session, own)
    assert (table.schema.field("n").type, table.schema.field("s").type) == (pa.int32(), pa.string())
    assert table.to_pylist() == [{"n": 1, "s": "x"}, {"n": None, "s": None}]
    later = ran(livy, session, "five <- 5", kind="sparkr")
    assert arrow(livy, session, later, name="hops").num_rows == 3
    for query, words in (
        ({}, "no DataFrame"),
        ({"name": "five"}, "'five' is no DataFrame but of class numeric."),
        ({"name": "nothing_here"}, "There is no variable 'nothing_here'."),
    ):
        address = f"/sessions/{session}/statements/{later}/arrow"
        answer = livy.http.get(address, params=query)
        assert (answer.status_code, words in answer.json()["msg"]) == (404, True), answer.text
