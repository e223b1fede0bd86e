"""DataFrames through the Livy server as Arrow streams."""

from __future__ import annotations

import datetime
import decimal
import json
import shutil
import time
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest

from hopyard.protocol.arrow import TEXTS
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


ODD = """SELECT named_struct('a', 1, 'a', 2) AS twice,
array(map('k', named_struct('b', 1L, 'b', null))) AS deep,
interval '1-2' year to month AS months, interval '1 02:00' day to minute AS days,
make_interval(1, 2) AS i, parse_json('{"a": [1, 2.5, "x"]}') AS v, array(parse_json('1')) AS vs,
time'12:34:56.5' AS t, array() AS none, map() AS nothing, date'+20000-01-01' AS far,
st_geogfromwkb(X'0101000000000000000000F03F0000000000000040') AS place,
'a' collate unicode_ci AS c, 1 AS same, 2 AS same"""


def test_rows_that_arrow_cannot_hold_come_as_sparks_text(livy: Livy, session: int) -> None:
    for code, kind in ((ODD, "sql"), (f"spark.sql({ODD!r})", "pyspark")):
        table = arrow(livy, session, ran(livy, session, code, kind=kind))
        assert table.column_names[-2:] == ["same", "same"]
        row = {name: table[number][0] for number, name in enumerate(table.column_names)}
        assert row.pop("far").value == 6_585_322
        values = {name: value.as_py() for name, value in row.items()}
        assert values["twice"] == {"a_0": 1, "a_1": 2}
        assert values["deep"] == [[("k", {"b_0": 1, "b_1": None})]]
        assert values["months"] == "INTERVAL '1-2' YEAR TO MONTH"
        assert values["days"] == datetime.timedelta(days=1, hours=2)
        assert (values["i"], values["v"]) == ("1 years 2 months", '{"a":[1,2.5,"x"]}')
        assert (values["vs"], values["none"], values["nothing"]) == (["1"], [], [])
        assert (values["t"], values["c"]) == (datetime.time(12, 34, 56, 500_000), "a")
        assert values["place"]["srid"] == 4326
        assert json.loads(table.schema.metadata[TEXTS]) == [
            ["months", "interval year to month"],
            ["i", "interval"],
            ["v", "variant"],
            ["vs", "variant"],
        ]


VECTORS = """
from pyspark.ml.linalg import Matrices, Vectors
spark.createDataFrame([(Vectors.dense([1.0, 2.5]), Vectors.sparse(3, [1], [2.0]),
                        Matrices.dense(2, 1, [1.0, 2.0]))], ["d", "s", "m"])
"""


def test_types_of_users_come_as_sparks_text(livy: Livy, session: int) -> None:
    table = arrow(livy, session, ran(livy, session, VECTORS))
    (row,) = table.to_pylist()
    assert (row["d"], row["s"]) == ("[1.0,2.5]", "(3,[1],[2.0])")
    assert row["m"].split() == ["1.0", "2.0"]
    assert json.loads(table.schema.metadata[TEXTS])[:2] == [["d", "vector"], ["s", "vector"]]
    ran(livy, session, "_.createOrReplaceTempView('vectors')")
    made = livy.done(session, livy.submit(session, "SELECT d FROM vectors", kind="sql"))
    assert made["output"]["data"]["application/json"]["data"] == [["[1.0,2.5]"]]
    ran(livy, session, "spark.catalog.dropTempView('vectors')")


@pytest.mark.parametrize(
    ("zone", "known"),
    [
        ("GMT+8", "+08:00"),
        ("+08:00", "+08:00"),
        ("+8:00", "+08:00"),
        ("UTC+3", "+03:00"),
        ("GMT-3:30", "-03:30"),
        ("PST", "America/Los_Angeles"),
        ("Z", "UTC"),
        ("+01:02:03", "UTC"),
        ("America/New_York", "America/New_York"),
    ],
)
def test_time_zones_are_those_that_clients_know(
    livy: Livy, session: int, zone: str, known: str
) -> None:
    code = f"""
before = spark.conf.get("spark.sql.session.timeZone")
spark.conf.set("spark.sql.session.timeZone", "{zone}")
noon = spark.sql("SELECT timestamp'2024-02-29 12:00:00 UTC' AS t")
noon.selectExpr("t", "array(named_struct('t', t)) AS a")
"""
    table = arrow(livy, session, ran(livy, session, code))
    ran(livy, session, 'spark.conf.set("spark.sql.session.timeZone", before)')
    assert table.schema.field("t").type == pa.timestamp("us", tz=known)
    noon = datetime.datetime(2024, 2, 29, 12, tzinfo=datetime.UTC)
    assert table.to_pandas()["t"][0] == noon
    assert table["a"][0].as_py() == [{"t": noon}]


def test_a_streaming_frame_is_refused_in_sparks_words(livy: Livy, session: int) -> None:
    code = "stream = spark.readStream.format('rate').load()\nstream"
    for query in ({}, {"limit": 5}, {"name": "stream"}):
        statement = ran(livy, session, code)
        address = f"/sessions/{session}/statements/{statement}/arrow"
        answer = livy.http.get(address, params=query)
        assert answer.status_code == 409
        assert "must be executed with writeStream.start()" in answer.json()["msg"], answer.text


def test_frames_of_pandas_are_fetched(livy: Livy, session: int) -> None:
    code = """
import numpy, pandas
pdf = pandas.DataFrame({"n": numpy.array([1, 200], "uint8"), "s": ["x", None]})
series = pandas.Series([1.5], name="f")
odd = pandas.DataFrame({"x": [1, "a"]})
pdf
"""
    statement = ran(livy, session, code)
    rows = [{"n": 1, "s": "x"}, {"n": 200, "s": None}]
    assert arrow(livy, session, statement).to_pylist() == rows
    assert arrow(livy, session, statement, name="pdf", limit=1).to_pylist() == rows[:1]
    assert arrow(livy, session, statement, name="series").to_pylist() == [{"f": 1.5}]
    address = f"/sessions/{session}/statements/{statement}/arrow"
    answer = livy.http.get(address, params={"name": "odd"})
    assert answer.status_code == 404
    assert answer.json()["msg"].startswith("Column 'x' has values of several kinds (int, str)")


def test_sql_gives_its_whole_result(livy: Livy, session: int) -> None:
    statement = ran(livy, session, "SELECT id, id % 7 AS k FROM range(2500)", kind="sql")
    table = arrow(livy, session, statement)
    assert (table.num_rows, table.column_names) == (2500, ["id", "k"])


def test_what_is_not_there_is_said(livy: Livy, session: int) -> None:
    statement = ran(livy, session, "number = 1\nnumber")
    address = f"/sessions/{session}/statements/{statement}/arrow"
    for query, status, words in (
        ({}, 404, "this statement's last expression is no DataFrame but of type int: "),
        ({"name": "nothing_here"}, 404, "There is no variable 'nothing_here'."),
        ({"name": "number"}, 404, "'number' is no DataFrame but of type int: a Spark"),
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
    for query, words in (
        ({}, "is no DataFrame but of type Int: a DataFrame or another Dataset can be fetched."),
        ({"name": "five"}, "'five' is no DataFrame but of type Int: "),
        ({"name": "nowhere"}, "There is no value 'nowhere'."),
    ):
        address = f"/sessions/{session}/statements/{later}/arrow"
        answer = livy.http.get(address, params=query)
        assert (answer.status_code, words in answer.json()["msg"]) == (404, True), answer.text


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
        ({}, "is no DataFrame but of class numeric: "),
        ({"name": "five"}, "'five' is no DataFrame but of class numeric: a SparkDataFrame or"),
        ({"name": "nothing_here"}, "There is no variable 'nothing_here'."),
    ):
        address = f"/sessions/{session}/statements/{later}/arrow"
        answer = livy.http.get(address, params=query)
        assert (answer.status_code, words in answer.json()["msg"]) == (404, True), answer.text
