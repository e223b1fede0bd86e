"""The PySpark kernel over Jupyter's protocol, with our own Livy server and a real Spark driver."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator

import httpx
import nbformat
import pytest
from nbclient import NotebookClient

from tests.integration.kernels import DEMO, SHARE, START, Kernel, Ran, livy_for_kernels, sessions
from tests.integration.livy import Livy


@pytest.fixture(scope="module")
def livy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Livy]:
    with livy_for_kernels(tmp_path_factory.mktemp("livy")) as running:
        yield running


@pytest.fixture(scope="module")
def first(livy: Livy) -> Iterator[tuple[Kernel, Ran]]:
    kernel = Kernel(livy, "My book")
    yield kernel, kernel.run("1 + 1")
    kernel.stop()


@pytest.fixture
def kernel(first: tuple[Kernel, Ran]) -> Kernel:
    return first[0]


def test_first_cell_starts_the_session_and_shows_its_table(first, livy):
    ran = first[1]
    assert ran.reply["status"] == "ok"
    assert ran.text.startswith("Starting Spark application\n")
    assert ran.text.endswith("SparkSession available as 'spark'.\n2")
    for word in ("YARN Application ID", "Spark UI", "Driver log", "Current session?", "✔"):
        assert word in ran.html
    session = sessions(livy)[-1]
    assert session["appId"] in ran.html
    assert re.fullmatch(r"demo: My book \([0-9a-f]{8}\)", session["name"])
    assert "demo: My book" in first[0].ok("spark.sparkContext.appName").text


def test_spark_jobs_run(kernel):
    assert "499500" in kernel.ok("spark.range(1000).groupBy().sum('id').first()[0]").text


def test_exception_shows_pythons_traceback_and_fails_the_cell(kernel):
    ran = kernel.run("def half(x):\n    print('trying')\n    return x / 0\nhalf(1)")
    assert ran.reply["status"] == "error"
    assert ran.reply["ename"] == "ZeroDivisionError"
    assert "in half" in "\n".join(ran.reply["traceback"])
    assert "hopyard" not in "\n".join(ran.reply["traceback"])
    assert "trying" in ran.text


def test_sql_shows_a_table_and_gives_pandas(kernel):
    query = "%%sql -o found\nSELECT id, NULL AS none, 'it''s \"so\"' AS t, DATE'2024-01-02' AS d"
    ran = kernel.ok(query + " FROM range(3)")
    assert "<table" in ran.html and "it's &quot;so&quot;" in ran.html.replace('"', "&quot;")
    assert "(3, 4) datetime64" in kernel.ok("%%local\nprint(found.shape, found['d'].dtype)").text
    failed = kernel.run("%%sql\nSELECT nowhere")
    assert failed.reply["ename"] == "AnalysisException"
    assert len(failed.reply["traceback"]) == 1


def test_spark_output_becomes_pandas(kernel):
    kernel.ok("%%spark -o numbers -n 2\nnumbers = spark.range(5)")
    assert kernel.ok("%%local\nprint(numbers['id'].tolist())").text == "[0, 1]\n"


def test_pictures_are_shown_from_both_sides(kernel):
    plot = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()"
    assert "image/png" in kernel.ok(plot).mimes
    assert "image/png" in kernel.ok("%%local\n" + plot).mimes


def test_output_appears_while_the_cell_runs(kernel):
    code = """import sys, time
print("first")
time.sleep(1)
print("complaint", file=sys.stderr)
print("last")
"result"
"""
    ran = kernel.ok(code)
    times = {content["text"]: when for kind, content, when in ran.messages if kind == "stream"}
    assert times["last\n"] - times["first\n"] > 0.5
    assert (ran.stream("stdout"), ran.stream("stderr")) == ("first\nlast\n", "complaint\n")
    [result] = ran.of("execute_result")
    assert result["data"]["text/plain"] == "'result'"
    assert result["execution_count"] == ran.reply["execution_count"]


def test_displays_come_one_by_one_and_can_be_updated(kernel):
    code = """from IPython.display import HTML, Latex, display
shown = display(HTML("<b>1</b>"), display_id="one")
display(Latex("$x$"))
shown.update(HTML("<b>2</b>"))
"""
    ran = kernel.ok(code)
    first, second = ran.of("display_data")
    assert first["transient"] == {"display_id": "one"}
    assert "text/latex" in second["data"]
    [update] = ran.of("update_display_data")
    assert update["transient"] == {"display_id": "one"} and "2" in update["data"]["text/html"]
    assert not ran.of("execute_result")


def test_output_before_and_after_an_interrupt_is_kept(kernel):
    code = """import time
print("before")
try:
    time.sleep(60)
finally:
    print("tidied")
"""
    ran = kernel.run(code, interrupt_after=2.0)
    assert ran.reply["ename"] == "KeyboardInterrupt"
    assert ran.stream("stdout") == "before\ntidied\n"


def test_output_goes_on_after_the_livy_server_was_killed(kernel, livy):
    code = "import time\nfor number in range(30):\n    print(number)\n    time.sleep(0.1)"
    killer = threading.Timer(1.0, lambda: (livy.kill(), livy.start()))
    killer.start()
    ran = kernel.ok(code)
    killer.join()
    assert ran.stream("stdout").split() == [str(number) for number in range(30)]


def test_magics_about_the_session(kernel):
    assert "driverMemory" in kernel.ok("%%info").html
    assert "%%sql" in kernel.ok("%%help").html
    assert kernel.ok("%%logs").text.strip()
    assert kernel.run("%%delete -f -s 4711").reply["status"] == "error"


@pytest.mark.parametrize(
    "code",
    [
        "import time\nfor _ in range(600): time.sleep(0.1)",
        "spark.sparkContext.parallelize([1, 2], 2).map(lambda x: __import__('time').sleep(60))"
        ".count()",
    ],
)
def test_interrupt_stops_the_code_and_not_the_session(kernel, code):
    ran = kernel.run(code, interrupt_after=3.0)
    assert ran.reply["status"] == "error"
    assert ran.reply["ename"] == "KeyboardInterrupt"
    assert ran.seconds < 5  # below 1 s on a quiet machine
    assert kernel.ok("40 + 2").text == "42"


def test_livy_that_is_away_for_some_seconds_is_waited_for(kernel, livy):
    kernel.ok("kept = 7")
    livy.kill()
    request = time.monotonic()
    livy.start()
    assert kernel.ok("kept").text == "7"
    assert time.monotonic() - request < 60


def test_configure_makes_a_new_session(kernel, livy):
    before = sessions(livy)[-1]["id"]
    conf = '{"conf": {"spark.sql.shuffle.partitions": "3"}}'
    ran = kernel.ok("%%configure -f\n" + conf)
    assert "Starting Spark application" in ran.text
    assert [s["id"] for s in sessions(livy)] != [before]
    assert "'3'" in kernel.ok("spark.conf.get('spark.sql.shuffle.partitions')").text


def test_dead_session_says_why_and_a_new_kernel_has_a_new_one(kernel, livy):
    session = sessions(livy)[-1]["id"]
    httpx.delete(f"{livy.url}/sessions/{session}", trust_env=False, timeout=30)
    ran = kernel.run("1 + 1")
    assert ran.reply["status"] == "error"
    assert "Restart the kernel" in ran.reply["evalue"]
    assert len(ran.reply["traceback"]) == 1


def test_demo_notebook_runs_and_its_session_ends_with_it(livy, monkeypatch):
    notebook = nbformat.read(DEMO / "First steps with Spark.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)
    for name, value in {"HOPYARD_LIVY_URL": livy.url, "JUPYTER_PATH": str(SHARE)}.items():
        monkeypatch.setenv(name, value)
    client = NotebookClient(notebook, timeout=START, resources={"metadata": {"path": str(DEMO)}})
    others = [session["id"] for session in sessions(livy)]
    client.execute()
    printed = "".join(
        output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", ())
    )
    assert "New York" in printed and "wet days" in printed
    pictures = [
        output
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if "image/png" in output.get("data", {})
    ]
    assert pictures
    until = time.monotonic() + 30
    while (left := [session["id"] for session in sessions(livy)]) != others:
        assert time.monotonic() < until, left
        time.sleep(0.2)
