"""Several sessions on one Spark application: together where they should be, apart in all else."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.integration.livy import Livy, until

CONF = {"spark.master": "local[2]", "spark.sql.shuffle.partitions": "2"}
LONG = "sc.parallelize([1], 1).map(lambda x: __import__('time').sleep({0}) or x).collect()"


def share(name: str, **conf: str) -> dict[str, Any]:
    return {"conf": {**CONF, "hopyard.session.share": name, **conf}}


def app(livy: Livy, session: int) -> str:
    return str(livy.session(session)["appId"])


def text(livy: Livy, session: int, code: str, kind: str = "pyspark") -> str:
    output = livy.run(session, code, kind=kind)
    assert output["status"] == "ok", output
    return str(output["data"].get("text/plain", output["data"]))


def refusal(livy: Livy, **body: Any) -> str:
    answer = livy.http.post("/sessions", json={"kind": "pyspark", **body})
    assert answer.status_code == 400, answer.text
    return str(answer.json()["msg"])


def delete(livy: Livy, *sessions: int) -> None:
    for session in sessions:
        livy.http.delete(f"/sessions/{session}")


@pytest.fixture(scope="module")
def livy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Livy]:
    data = tmp_path_factory.mktemp("livy-share")
    server = Livy(data, token="ada-secret-token", others={"bob": "bob-secret-token"})
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def two(livy: Livy) -> tuple[int, int]:
    """Two sessions that were asked for at the same moment, with a new name."""
    with ThreadPoolExecutor(2) as threads:
        made = sorted(threads.map(lambda _: livy.create(**share("two")), range(2)))
    first, second = (livy.ready_again(session) for session in made)
    assert app(livy, first) == app(livy, second)
    for session, value in ((first, 1), (second, 2)):
        code = f"""x = {value}
spark.range(x).createOrReplaceTempView("t")
spark.conf.set("spark.sql.session.timeZone", "Etc/GMT-{value}")"""
        text(livy, session, code)
    return first, second


def test_variables_views_and_settings_are_ones_own(livy: Livy, two: tuple[int, int]) -> None:
    code = "x, spark.table('t').count(), spark.conf.get('spark.sql.session.timeZone')"
    for session, value in zip(two, (1, 2), strict=True):
        assert text(livy, session, code) == f"({value}, {value}, 'Etc/GMT-{value}')"
        count = livy.run(session, "select count(*) from t", kind="sql")["data"]
        assert count["application/json"]["data"] == [[value]]
        # Threads and libraries that ask for the session of the process get the same.
        again = "from pyspark.sql import SparkSession\nSparkSession.builder.getOrCreate() is spark"
        assert text(livy, session, again) == "True"


def test_tables_and_what_is_cached_are_everybodys(livy: Livy, two: tuple[int, int]) -> None:
    first, second = two
    text(livy, first, "spark.range(5).write.saveAsTable('seen')\nspark.catalog.cacheTable('seen')")
    code = "spark.table('seen').count(), spark.catalog.isCached('seen')"
    assert text(livy, second, code) == "(5, True)"
    # Whoever fetches its rows does not take it out of the cache.
    for kind, look in (("pyspark", "spark.table('seen')"), ("sparkr", "tableToDF('seen')")):
        if kind == "pyspark" or shutil.which("R"):
            shown = livy.submit(second, look, kind=kind)
            livy.done(second, shown)
            rows = livy.http.get(f"/sessions/{second}/statements/{shown}/arrow")
            assert rows.status_code == 200, rows.text
            assert text(livy, first, "spark.catalog.isCached('seen')") == "True"
    text(livy, second, "spark.sql('drop table seen')")


def test_scala_has_a_repl_of_its_own_in_each(livy: Livy, two: tuple[int, int]) -> None:
    first, second = two
    fields = {first: "a: Int", second: "b: String, c: Int"}
    values = {first: "P(20)", second: 'P("z", 40)'}
    for session in two:  # the same lines, so that their classes would have the same names
        text(livy, session, f"case class P({fields[session]})", "spark")
        text(livy, session, f"val p = {values[session]}", "spark")
    for _ in range(2):
        for session, found in ((first, "P(20), P(20)"), (second, "P(z,40), P(z,40)")):
            code = "sc.parallelize(1 to 2, 2).map(_ => p).collect().toList"
            assert f"List({found})" in text(livy, session, code, "spark")
            assert f"List({found})" in text(
                livy, session, "Seq(p, p).toDS().map(x => x).collect().toList", "spark"
            )
    count = 'spark.table("t").count() + SparkSession.active.table("t").count()'
    for session, value in zip(two, (1, 2), strict=True):
        text(livy, session, "import org.apache.spark.sql.SparkSession", "spark")
        assert f"Long = {2 * value}" in text(livy, session, count, "spark")


def test_what_scala_prints_is_its_own_statements(livy: Livy, two: tuple[int, int]) -> None:
    code = (
        'for (i <- 1 to 60) {{ println("{0}"); System.out.println("java {0}"); Thread.sleep(20) }}'
    )
    running = [livy.submit(one, code.format(f"of {one}"), kind="spark") for one in two]
    for session, statement in zip(two, running, strict=True):
        printed = livy.done(session, statement)["output"]["data"]["text/plain"]
        assert printed.splitlines() == [f"of {session}", f"java of {session}"] * 60


@pytest.mark.skipif(shutil.which("R") is None, reason="R is not installed")
def test_r_is_on_its_own_session(livy: Livy, two: tuple[int, int]) -> None:
    for session, value in zip(two, (1, 2), strict=True):
        code = f"x <- {value}\nc(x, count(tableToDF('t')), count(sql('select * from t')))"
        assert text(livy, session, code, "sparkr") == f"[1] {value} {value} {value}"


def test_cancel_in_one_leaves_the_others_job(livy: Livy, two: tuple[int, int]) -> None:
    first, second = two
    # The same number of statements, so that their job groups would have the same name.
    ends, goes_on = livy.submit(first, LONG.format(60)), livy.submit(second, LONG.format(4))
    for session, statement in ((first, ends), (second, goes_on)):
        until(lambda s=session, n=statement: livy.statement(s, n)["state"] == "running", 20, "runs")
    livy.http.post(f"/sessions/{first}/statements/{ends}/cancel")
    assert livy.done(first, ends, 10)["state"] == "cancelled"
    assert livy.done(second, goes_on)["output"]["data"]["text/plain"] == "[1]"


def test_streams_call_the_python_that_began_them(livy: Livy, two: tuple[int, int]) -> None:
    code = """seen = []
query = (spark.readStream.format("rate").load().writeStream
    .foreachBatch(lambda frame, number: seen.append(x)).start())
import time
end = time.monotonic() + 40
while not seen and time.monotonic() < end: time.sleep(0.1)
query.stop()
set(seen)"""
    running = [livy.submit(session, code) for session in two]
    for session, statement, value in zip(two, running, (1, 2), strict=True):
        output = livy.done(session, statement)["output"]
        assert output["data"].get("text/plain") == f"{{{value}}}", output


def test_what_the_application_does_not_have_is_refused(livy: Livy, two: tuple[int, int]) -> None:
    why = refusal(livy, **share("two", **{"spark.sql.shuffle.partitions": "7"}))
    assert "spark.sql.shuffle.partitions 2, not 7" in why
    why = refusal(
        livy, **share("two"), driverMemory="3g", numExecutors=2, pyFiles=["Resources/a.py"]
    )
    for part in (
        "driverMemory (not set), not 3g",
        "numExecutors (not set), not 2",
        "a.py in pyFiles",
    ):
        assert part in why
    assert "another name" in why
    for name in ("", " a", "a b", "x" * 65, "ä"):
        assert "at most 64" in refusal(livy, **share(name))
    assert len(livy.http.get("/sessions").json()["sessions"]) == 2


def test_one_that_ends_leaves_no_work_behind(livy: Livy, two: tuple[int, int]) -> None:
    first, _ = two
    third = livy.ready(**share("two"))
    text(livy, third, "1", "spark")
    stream = "spark.readStream.format('rate').load().writeStream.format('noop').start().isActive"
    assert text(livy, third, stream) == "True"
    python = livy.submit(third, LONG.format(300))
    runs = f"""tracker, group = sc.statusTracker(), "hopyard-session-{third}-statement-{python}"
sum(tracker.getJobInfo(job).status == "RUNNING" for job in tracker.getJobIdsForGroup(group))"""
    until(lambda: text(livy, first, runs) == "1", 60, "its job runs")
    delete(livy, third)
    until(lambda: text(livy, first, runs) == "0", 60, "its job was cancelled")
    threads = """names = [one.getName() for one in sc._jvm.Thread.getAllStackTraces().keySet()]
[name for name in names if name.startswith(('scala-', 'stream execution'))]"""
    until(lambda: "stream" not in text(livy, first, threads), 60, "its stream was stopped")
    fourth = livy.ready(**share("two"))
    loops = livy.submit(fourth, 'println("loops"); while (true) {}', kind="spark")
    until(lambda: livy.statement(fourth, loops)["output"], 60, "it loops")
    delete(livy, fourth)
    until(lambda: len(eval(text(livy, first, threads))) <= 4, 60, "only the REPLs of two are left")


def test_another_user_with_the_same_name_has_another_application(
    livy: Livy, two: tuple[int, int]
) -> None:
    headers = {"Authorization": "Bearer bob-secret-token"}
    with httpx.Client(base_url=livy.url, trust_env=False, headers=headers) as bob:
        answer = bob.post("/sessions", json={"kind": "pyspark", **share("two")})
        assert answer.status_code == 201, answer.text
        his = int(answer.json()["id"])
        until(lambda: livy.drivers(his), 30, "he has a driver of his own")
        assert "Joining" not in "".join(bob.get(f"/sessions/{his}?wait=0").json()["log"])
        # Nor is there a way into hers: not by its number, its page or its line home.
        for path in (f"/sessions/{two[0]}", f"/sessions/{two[0]}/ui/jobs/"):
            assert bob.get(path).status_code == 404
        bob.delete(f"/sessions/{his}")


def test_killed_server_finds_all_again_also_without_the_first(
    livy: Livy, two: tuple[int, int]
) -> None:
    first, second = two
    third = livy.ready(conf={"hopyard.session.share": "two"}, name="the third")
    application = app(livy, first)
    assert app(livy, third) == application
    running = [livy.submit(session, LONG.format(3) + " and x + 40") for session in two]
    livy.kill()
    livy.start()
    for session, statement, value in zip(two, running, (41, 42), strict=True):
        output = livy.done(session, statement)["output"]
        assert output["data"] == {"text/plain": str(value)}, output
    assert len(livy.drivers(first)) > 0
    ui = f"/sessions/{first}/ui/jobs/"
    for session in two:
        assert livy.http.get(f"/sessions/{session}/ui/jobs/").status_code == 200
    delete(livy, first)
    assert livy.http.get(f"/sessions/{first}").status_code == 404
    running_on = livy.submit(second, LONG.format(3) + " and x + 40")
    livy.kill()
    livy.start()
    assert livy.done(second, running_on)["output"]["data"] == {"text/plain": "42"}
    # Whoever comes later joins through those who are there.
    fourth = livy.ready(**share("two"))
    assert app(livy, fourth) == app(livy, second) == application
    assert text(livy, fourth, "'x' in dir()") == "False"
    assert livy.http.get(ui).status_code == 200, "the UI's own links bear the first one's number"
    asked = livy.run(second, "import hopyard; hopyard.secret('any')")
    assert "keeps no secrets" in asked["evalue"], "the server knows who asks"
    assert "Session" in livy.log(fourth)
    listed = livy.http.get("/sessions").json()["sessions"]
    assert [one["id"] for one in listed] == [second, third, fourth]
    folder = livy.data / "run" / "drivers" / str(first)
    delete(livy, second, third)
    assert text(livy, fourth, "spark.range(3).count()") == "3"
    assert folder.exists()
    processes = livy.drivers(first)
    delete(livy, fourth)
    until(lambda: not any(one.is_running() for one in processes), 30, "nothing is left")
    until(lambda: not folder.exists(), 30, "its folder is gone")
    assert livy.http.get(ui).status_code == 404


def test_who_waits_for_one_that_is_deleted_starts_its_own(livy: Livy) -> None:
    first, second, third = (livy.create(**share("early")) for _ in range(3))
    delete(livy, first)
    for session in (second, third):
        livy.ready_again(session)
    assert app(livy, second) == app(livy, third)
    # A driver that is killed is the end of both.
    statement = livy.submit(third, "import time; time.sleep(60)")
    until(lambda: livy.statement(third, statement)["state"] == "running", 20, "it runs")
    processes = livy.drivers(second)
    inner = [one for one in processes if one.name() != "bwrap" and one.parent() in processes]
    min(inner, key=lambda one: one.create_time()).send_signal(signal.SIGKILL)
    for session in (second, third):
        until(lambda s=session: livy.session(s)["state"] == "dead", 20, "the session is dead")
        assert "SIGKILL" in livy.session(session)["log"][-1]
    assert "SIGKILL" in livy.statement(third, statement)["output"]["evalue"]
    until(lambda: not livy.drivers(first) and not livy.drivers(second), 60, "nothing is left")
    delete(livy, second, third)


def test_application_that_code_stopped_is_over_for_all(livy: Livy) -> None:
    made = [livy.create(**share("early")) for _ in range(2)]  # the name is free again
    for session in made:
        livy.ready_again(session)
    waits = livy.submit(made[1], "import time; time.sleep(60)")
    livy.run(made[0], "spark.stop()")
    why = "stopped by the code itself (spark.stop())"
    for session in made:
        until(lambda s=session: livy.session(s)["state"] == "dead", 20, "the session is dead")
        assert why in livy.session(session)["log"][-1]
    assert why in livy.statement(made[1], waits)["output"]["evalue"]
    delete(livy, *made)
