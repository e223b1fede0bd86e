"""Notebooks that go on with a session that another one made, and sessions that outlive a kernel."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest

from tests.integration.kernels import Kernel, livy_for_kernels, sessions
from tests.integration.livy import Livy

ADA, BOB = "ada-secret-token", "bob-secret-token"


@pytest.fixture(scope="module")
def livy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Livy]:
    with livy_for_kernels(tmp_path_factory.mktemp("livy"), token=ADA, others={"bob": BOB}) as one:
        yield one


@pytest.fixture(scope="module")
def first(livy: Livy) -> Iterator[Kernel]:
    """Ada's notebook, with a session."""
    kernel = Kernel(livy, "First", JUPYTERHUB_API_TOKEN=ADA)
    kernel.ok("word = 'from the first notebook'\nspark.range(7).createOrReplaceTempView('seven')")
    yield kernel
    kernel.stop()


@pytest.fixture
def number(first: Kernel, livy: Livy) -> int:
    return int(sessions(livy)[0]["id"])


def open_notebook(livy: Livy, name: str, kernel: str = "pyspark", token: str = ADA) -> Kernel:
    return Kernel(livy, name, kernel, JUPYTERHUB_API_TOKEN=token)


def test_list_says_which_session_is_current(first, number, livy):
    own = first.ok("%%attach").html
    assert f"<td>{number}</td><td>demo: First (" in own and "✔" in own
    second = open_notebook(livy, "Second")
    try:
        listed = second.ok("%%attach").html
        assert "demo: First" in listed and "✔" not in listed
        assert "%%attach -s" in second.ok("%%help").html
        assert len(sessions(livy)) == 1, "no session of its own was started"
    finally:
        second.stop()


@pytest.mark.parametrize("by", ["number", "name", "begin"])
def test_attached_notebook_shares_the_session_and_leaves_it(first, number, livy, by):
    name = sessions(livy)[0]["name"]
    wanted = {"number": number, "name": f'"{name}"', "begin": "demo: First"}[by]
    second = open_notebook(livy, "Second")
    try:
        ran = second.ok(f"%%attach -s {wanted}")
        assert f"Attaching to Spark session {number}" in ran.text and "✔" in ran.html
        assert "from the first notebook" in second.ok("word").text
        second.ok("%%sql -o found\nSELECT * FROM seven")
        assert second.ok("%%local\nprint(len(found))").text == "7\n"
        unknown = second.run("%%attach -s 99")
        assert f"Running: {number} (demo: First" in unknown.reply["evalue"]
        second.ok("answer = 42")
        refused = second.run(f"%%attach -s {number}")
        assert "this notebook's already" in refused.reply["evalue"]
    finally:
        second.stop()
    assert first.ok("answer").text == "42", "the session goes on after the other notebook's end"


def test_a_notebook_in_another_language_attaches_too(first, number, livy):
    scala = open_notebook(livy, "Scala", "spark")
    try:
        scala.ok(f"%%attach -s {number}")
        assert "rows 7" in scala.ok('println("rows " + spark.table("seven").count())').text
    finally:
        scala.stop()


def test_own_session_is_ended_only_when_asked(first, number, livy):
    second = open_notebook(livy, "Own")
    try:
        second.ok("1")
        refused = second.run(f"%%attach -s {number}")
        assert "-f" in refused.reply["evalue"] and len(sessions(livy)) == 2
        second.ok(f"%%attach -f -s {number}")
        assert [one["id"] for one in sessions(livy)] == [number]
        conf = '{"conf": {"spark.sql.shuffle.partitions": "3"}}'
        second.ok("%%configure -f\n" + conf)
        assert len(sessions(livy)) == 2, "the borrowed session is left, not ended"
    finally:
        second.stop()
    assert first.ok("1 + 1").text == "2"


def test_session_of_somebody_else_cannot_be_attached(first, number, livy):
    stranger = open_notebook(livy, "Stranger", token=BOB)
    try:
        assert "no running Spark session" in stranger.ok("%%attach").html
        for wanted in (number, "demo: First"):
            refused = stranger.run(f"%%attach -s {wanted}")
            assert refused.reply["status"] == "error"
            assert "no running Spark session" in refused.reply["evalue"]
            assert "(demo" not in refused.reply["evalue"], "nothing is said of what there is"
    finally:
        stranger.stop()
    # The server does not take the kernel's word for it.
    asked = httpx.post(
        f"{livy.url}/sessions/{number}/statements",
        json={"code": "word"},
        headers={"Authorization": f"Bearer {BOB}"},
        trust_env=False,
    )
    assert asked.status_code == 404


def test_kept_session_outlives_its_kernel(livy):
    conf = json.dumps({"driverMemory": "1024m", "conf": {"hopyard.session.keep": "true"}})
    environment = {"HOPYARD_SESSION_CONF": conf, "JUPYTERHUB_API_TOKEN": ADA}
    before = Kernel(livy, "Kept", **environment)
    before.ok("word = 'still here'")
    before.stop()
    after = Kernel(livy, "Kept", **environment)
    try:
        ran = after.ok("word")
        assert "which was kept" in ran.text and "still here" in ran.text
        after.ok("%%cleanup -f")
        assert sessions(livy) == []
    finally:
        after.stop()


def test_notebooks_share_a_spark_application_and_nothing_else(livy):
    conf = {"driverMemory": "1024m", "conf": {"hopyard.session.share": "report"}}
    set_up = f"%%configure\n{json.dumps(conf)}"
    one, two = open_notebook(livy, "One"), open_notebook(livy, "Two")
    try:
        one.ok(set_up)
        assert "shared as 'report'." in one.ok("x = 1").text
        one.ok(
            "spark.range(6).write.mode('overwrite').saveAsTable('shared_rows')\n"
            "spark.catalog.cacheTable('shared_rows')\n"
            "spark.range(1).createOrReplaceTempView('mine')"
        )
        two.ok(set_up)
        begun = two.ok("x = 2").text
        first, second = sessions(livy)
        assert f"shared as 'report', with session {first['id']} (demo: One" in begun
        assert first["appId"] == second["appId"] and first["id"] != second["id"]
        two.ok("%%sql -o found\nSELECT * FROM shared_rows")
        assert two.ok("%%local\nprint(len(found))").text == "6\n"
        cached = 'print(spark.catalog.isCached("shared_rows"))'
        assert two.ok(cached).text == "True\n"
        missing = two.run("%%sql\nSELECT * FROM mine").reply
        assert "TABLE_OR_VIEW_NOT_FOUND" in missing["evalue"]
        long = two.client.execute(
            "sc.parallelize([1], 1).foreach(lambda _: __import__('time').sleep(4)); x"
        )
        stopped = one.run(
            "spark.range(1).rdd.foreach(lambda _: __import__('time').sleep(60))", interrupt_after=2
        )
        assert stopped.reply["ename"] == "KeyboardInterrupt"
        assert two.wait_for("execute_reply", long, shell=True)["status"] == "ok"
        assert one.ok("x").text == "1"
        other = {**conf, "driverMemory": "1500m"}
        refused = two.run(f"%%configure -f\n{json.dumps(other)}")
        assert "driverMemory 1024m, not 1500m" in str(refused.reply) + refused.text
        two.ok(f"%%configure -f\n{json.dumps(conf)}")
        assert two.ok("x = 3\nx").text.endswith("3")
    finally:
        one.stop()
    try:
        assert two.ok("x + 1").text == "4"
        assert two.ok('print(spark.table("shared_rows").count())').stream("stdout") == "6\n"
        two.ok("%%sql\nDROP TABLE shared_rows")
    finally:
        two.stop()
