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

from hopyard import packages
from hopyard.notebook.kernels import picker
from hopyard.notebook.kernels.sparkmagic import write_for_notebooks
from tests.integration.kernels import (
    DEMO,
    SHARE,
    START,
    Kernel,
    Ran,
    livy_for_kernels,
    sessions,
    whole_output,
)
from tests.integration.livy import Livy
from tests.unit.test_packages import wheel


@pytest.fixture(scope="module")
def livy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Livy]:
    with livy_for_kernels(tmp_path_factory.mktemp("livy")) as running:
        yield running


@pytest.fixture(scope="module")
def first(livy: Livy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Kernel, Ran]]:
    own = packages.make(tmp_path_factory.mktemp("packages") / "own")
    kernel = Kernel(livy, "My book", **own)
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
    shown = ran.of("display_data") + ran.of("update_display_data")
    steps = [one["data"]["text/plain"] for one in shown]
    assert any("Spark" in step and step.endswith("…") for step in steps), steps
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
    assert picker.WIDGET in ran.mimes, "the buttons for charts"
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


def test_what_a_thread_prints_late_appears_at_its_cell(kernel, tmp_path):
    go = tmp_path / "go"
    code = (
        "import pathlib, threading, time\n"
        "def late():\n"
        f"    while not pathlib.Path({str(go)!r}).exists(): time.sleep(0.02)\n"
        "    print('late')\n"
        "threading.Thread(target=late).start()"
    )
    request = kernel.client.execute(code)
    kernel.wait_for("execute_reply", request, shell=True)
    go.touch()
    assert kernel.wait_for("stream", request) == {"name": "stdout", "text": "late\n"}


def test_very_long_output_is_cut_with_a_link_to_all_of_it(kernel, livy):
    whole_output(livy, kernel.ok("for n in range(10_000): print(f'{n:05d}' + 'x' * 94)"))
    ran = kernel.ok("'y' * 600_000")
    assert "The value has 600,002." in ran.html
    lines = "for n in range(10_000): print(f'{n:05d}' + 'x' * 94)"
    whole_output(livy, kernel.ok(f"%%pretty\n{lines}"))


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


def test_progress_of_jobs_is_shown_and_leaves_one_line(kernel):
    code = """import time
def wait(x):
    time.sleep(0.5)
    return x
spark.sparkContext.parallelize(range(8), 8).map(wait).count()"""
    ran = kernel.ok(code)
    [shown] = ran.of("display_data")
    assert "<progress" in shown["data"]["text/html"] and "of 8 tasks" in shown["data"]["text/plain"]
    last = ran.of("update_display_data")[-1]
    assert last["transient"] == shown["transient"]
    assert re.fullmatch(
        r"Spark: 1 job · 1 stage · 8 tasks · 1 executor in \d+\.\d s", last["data"]["text/plain"]
    )
    assert not kernel.ok("1 + 1").of("display_data")


def test_completion_and_inspection_come_from_the_driver(kernel):
    kernel.ok("a_long_name = 1")
    found = kernel.complete("print(a_long_n")
    assert found["matches"] == ["a_long_name"]
    assert (found["cursor_start"], found["cursor_end"]) == (6, 14)
    assert any("range" in match for match in kernel.complete("spark.ra")["matches"])
    kernel.ok("%%local\nonly_here = 1")
    found = kernel.complete("%%local\nonly_h")
    assert found["matches"] == ["only_here"] and found["cursor_start"] == 8
    assert kernel.complete("%%sen")["matches"] == ["%%send_to_spark"]
    assert "%timeit" in kernel.complete("%timei")["matches"]
    assert "Prints the values" in kernel.inspect("print")["data"]["text/plain"]


def test_help_while_a_cell_runs_says_that_spark_is_busy(kernel):
    request = kernel.client.execute("import time\nsome_variable = 1\ntime.sleep(3)")
    kernel.wait_for("execute_input", request)
    begun = time.monotonic()
    found = kernel.complete("some_vari")
    assert found["matches"] == ["some_variable"]
    assert "Spark is busy" in str(found["metadata"])
    assert "Spark is busy" in kernel.inspect("print")["data"]["text/plain"]
    assert time.monotonic() - begun < 2.5
    kernel.wait_for("execute_reply", request, shell=True)


def test_input_asks_the_notebooks_user(kernel):
    code = "from getpass import getpass\nprint('before')\nprint(input('Name? '), getpass('Word? '))"
    request = kernel.client.execute(code, allow_stdin=True)
    for prompt, password, value in (("Name? ", False, "Ada"), ("Word? ", True, "secret")):
        question = kernel.client.get_stdin_msg(timeout=60)["content"]
        assert question == {"prompt": prompt, "password": password}
        kernel.client.input(value)
    assert kernel.wait_for("stream", request)["text"] == "before\n"
    assert kernel.wait_for("stream", request)["text"] == "Ada secret\n"
    kernel.wait_for("execute_reply", request, shell=True)


def test_question_that_is_interrupted_stops_the_cell(kernel):
    request = kernel.client.execute("input('Name? ')", allow_stdin=True)
    kernel.client.get_stdin_msg(timeout=60)
    kernel.manager.interrupt_kernel()
    reply = kernel.wait_for("execute_reply", request, shell=True)
    assert reply["ename"] == "KeyboardInterrupt"
    assert kernel.ok("40 + 2").text == "42"


def test_input_that_nobody_can_answer_is_stopped(kernel):
    ran = kernel.run("input('Name? ')", stdin=False)
    assert ran.reply["status"] == "error"
    assert "nobody can answer" in ran.stream("stderr")


def test_ipythons_own_magics_run_in_the_driver(kernel):
    assert "driver-only" in kernel.ok("%env HOPYARD_TRIED=driver-only").text
    assert "driver-only" in kernel.ok("!echo $HOPYARD_TRIED").text
    assert "Wall time" in kernel.ok("%%time\nspark.range(3).count()").text
    assert "not found" in kernel.run("%nosuchmagic").reply["evalue"]


ROWS = """SELECT IF(id = 1, NULL, id) AS n, CAST(id + 0.5 AS DECIMAL(12, 2)) AS d,
TIMESTAMP'2024-01-02 03:04:05' AS t, IF(id = 1, NULL, true) AS b, array(id) AS a FROM range(5)"""


def test_cleared_output_is_cleared_and_not_sent_again(kernel, livy):
    ran = kernel.ok(
        "from IPython.display import clear_output\n"
        "for i in range(30):\n"
        "    clear_output(wait=True)\n"
        "    print(i, 'x' * 100_000)\n"
        "clear_output()\n"
        "print('last')"
    )
    # Whoever is slow is not sent what was taken back meanwhile.
    assert ran.of("clear_output")[-1] == {"wait": False}
    assert ran.stream("stdout").endswith("last\n")
    assert "cut" not in ran.text
    path = ran.of("hopyard_statement")[0]["path"]
    assert livy.http.get(path).json()["output"]["data"] == {"text/plain": "last"}
    assert livy.http.get(path + "/text").text == "last\n"
    assert "xxx" not in livy.http.get(path + "/events").text


def test_a_widget_of_the_driver_says_where_widgets_work(kernel):
    ran = kernel.ok("import ipywidgets\ndisplay(ipywidgets.IntSlider(value=7))")
    assert ran.mimes == ["text/plain"] and "IntSlider(value=7)" in ran.text
    assert "%%local" in ran.stream("stderr")


def test_what_a_kernel_shows_beside_output_is_shown(kernel):
    assert "Create a :class:`DataFrame`" in str(kernel.ok("spark.range?").of("display_data"))
    kernel.ok("open('loaded.py', 'w').write('value = 42')")
    assert kernel.ok("%load loaded.py").reply["payload"][0]["text"].endswith("value = 42")


def test_files_beside_the_notebook_are_modules_and_programs_are_the_environments(kernel):
    kernel.ok("%%writefile beside.py\ndef double(x):\n    return 2 * x")
    kernel.ok("import beside\nassert beside.double(2) == 4")
    local = "%%local\nimport sys\nprint(sys.path[0] == '')"
    assert kernel.ok(local).stream("stdout") == "True\n"
    udf = "sorted(sc.parallelize([1, 2]).map(beside.double).collect())"
    assert kernel.ok(udf).of("execute_result")[0]["data"]["text/plain"] == "[2, 4]"
    ours = "import matplotlib\n!python -c 'import matplotlib; print(matplotlib.__file__)'\n"
    ran = kernel.ok(f"{ours}print(matplotlib.__file__)")
    assert len(set(ran.stream("stdout").split())) == 1


def test_a_failed_query_is_said_once(kernel):
    ran = kernel.run("spark.sql('select * from nowhere')")
    assert ran.reply["ename"] == "AnalysisException"
    assert ran.stream("stderr") == ""


def test_sql_keeps_types_and_says_where_it_cut(kernel):
    ran = kernel.ok(f"%%sql -o kept -n 3\n{ROWS}")
    assert "The first 3 rows only: -n NUMBER for more" in ran.text
    local = "%%local\nprint(len(kept), [str(kind) for kind in kept.dtypes], kept['d'][1])"
    assert re.fullmatch(
        r"3 \['Int64', 'object', 'datetime64\[.*\]', 'boolean', 'object'\] 1.50\n",
        kernel.ok(local).text,
    )
    ran = kernel.ok(f"%%sql -q -o kept -n -1\n{ROWS}")
    assert "<table" not in ran.html and "only" not in ran.text
    assert kernel.ok("%%local\nprint(len(kept))").text == "5\n"
    kernel.ok("%%sql -q -o kept -m sample -r 0.0\nSELECT * FROM range(100)")
    assert kernel.ok("%%local\nprint(kept.shape)").text == "(0, 1)\n"
    kernel.ok("%%sql -q -o kept -c False\nSELECT DATE'2024-01-02' AS d")
    assert kernel.ok("%%local\nprint(kept['d'].dtype)").text == "object\n"


def test_rows_show_their_progress_while_they_come_and_one_line_after(kernel):
    code = (
        "import time\nfrom pyspark.sql.functions import udf\n"
        "slow = spark.range(2).select(udf(lambda n: time.sleep(3) or str(n))('id').alias('t'))"
    )
    kernel.ok(code)
    ran = kernel.ok("%%spark -o slow")
    (first,) = ran.of("display_data")
    assert "<progress " in first["data"]["text/html"]
    assert first["data"]["text/plain"].startswith("Spark computes the rows · ")
    updates = ran.of("update_display_data")
    assert {one["transient"]["display_id"] for one in [first, *updates]} == {
        first["transient"]["display_id"]
    }
    assert "<progress" not in updates[-1]["data"]["text/html"], "the bar is gone"
    assert re.fullmatch(r"Rows: 0\.\d kB in \d+\.\d s", updates[-1]["data"]["text/plain"])
    quick = kernel.ok("%%sql -q -o found\nSELECT 1 AS one")
    assert not quick.of("display_data"), "what is quick shows no bar"


def test_several_sql_statements_show_the_last_ones_rows(kernel):
    view = "CREATE OR REPLACE TEMP VIEW tried AS SELECT 'a;b' AS t"
    assert "a;b" in kernel.ok(f"%%sql\n{view};\nSELECT * FROM tried;").html


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("%%sql -m all\nSELECT 1", "must be take or sample"),
        ("%%sql -r 7\nSELECT 1", "from 0.0 to 1.0"),
        ("%%sql -n many\nSELECT 1", "invalid int value: 'many'"),
        ("%%sql -z\nSELECT 1", "unrecognized arguments: -z"),
        ("%%sql -o 1x\nSELECT 1", "no name of a variable"),
        ("%%sql\n", "needs a query"),
        ("%%sql\n ", "needs a query"),
        ("%%spark -o nowhere", "'nowhere' is not defined"),
        ("%%spark -o words\nwords = 'x'", "DataFrame"),
        ("%%send_to_spark -i nowhere", "no local variable nowhere"),
        ("%%configure -f\n{", "takes a JSON object"),
        ('%%configure -f\n{"conf": {"spark.driver.port": "1"}}', "spark.driver.port cannot be set"),
        ("%%configure\n{}", "include the -f argument"),
        ("%%delete -s 4711", "-f parameter"),
        ("%%delete -f", "session ID"),
        ("%%delete -f -s 4711", "not found"),
        ("%%cleanup", "-f parameter"),
        ("%%info\nbody", "must be empty"),
    ],
)
def test_a_bad_option_is_one_sentence(kernel, cell, words):
    ran = kernel.run(cell)
    assert ran.reply["status"] == "error"
    assert words in ran.reply["evalue"] + " ".join(ran.reply["traceback"])
    assert len(ran.reply["traceback"]) <= 1


def test_spark_samples_of_a_variable(kernel):
    ran = kernel.ok("%%spark -o many -m sample -r 1.0 --maxrows -1\nmany = spark.range(3000)")
    assert "only" not in ran.text
    assert kernel.ok("%%local\nprint(len(many))").text == "3000\n"
    assert "The first 2,500 rows only" in kernel.ok("%%spark -o many").text


def test_local_values_go_to_spark(kernel):
    kernel.ok("%%local\nimport pandas\nword = 'it\\'s \"so\"'")
    kernel.ok("%%local\ntable = pandas.DataFrame({'a': [1, 2, 3], 'b': [\"x'y\", None, 'z']})")
    assert "word is word in Spark now." in kernel.ok("%%send_to_spark -i word").text
    assert kernel.ok("print(word)").text == 'it\'s "so"\n'
    ran = kernel.ok("%%send_to_spark -i table -t df -n there -m 2")
    assert "The first 2 of 3 rows only" in ran.text
    assert kernel.ok("print([tuple(row) for row in there.collect()])").text == (
        '[(1, "x\'y"), (2, None)]\n'
    )
    assert "must be str" in kernel.run("%%send_to_spark -i table").reply["evalue"]
    assert "hopyard" not in kernel.ok("%%sql\nSHOW TABLES").html


def test_display_shows_a_sample_and_the_schema_of_a_dataframe(kernel):
    ran = kernel.ok("frame = spark.range(1000)\ndisplay(frame)")
    assert "<small>bigint</small>" in ran.html and "the first 20 rows" in ran.html
    assert "DataFrame[id: bigint]" in ran.text
    ran = kernel.ok("frame")
    assert (ran.html, ran.text) == ("", "DataFrame[id: bigint]")
    assert "<table" in kernel.ok("import pandas\npandas.DataFrame({'a': [1]})").html


def test_matplot_and_pretty(kernel):
    kernel.ok("import matplotlib.pyplot as plt\nplt.ioff()\nplt.plot([1, 2])")
    assert "image/png" in kernel.ok("%matplot plt").mimes
    kernel.ok("plt.ion()\nplt.plot([3, 4])")
    assert "image/png" in kernel.ok("%matplot plt").mimes, "a figure that was shown, once more"
    assert "<table" in kernel.ok("%%pretty\nspark.range(2).show()").html
    code = "%%pretty\nspark.sql(\"SELECT '<b>' AS a, '中😀' AS a\").show()\nprint(input('Now? '))"
    request = kernel.client.execute(code, allow_stdin=True)
    shown = kernel.wait_for("display_data", request)["data"]["text/html"]
    assert shown.count("<th>") == 2 and "&lt;b&gt;" in shown and "中😀" in shown
    assert kernel.client.get_stdin_msg(timeout=60)["content"]["prompt"] == "Now? "
    kernel.client.input("yes")
    assert kernel.wait_for("stream", request)["text"] == "yes\n"
    kernel.wait_for("execute_reply", request, shell=True)
    failed = kernel.run("%%pretty\nspark.range(2).show()\n1 / 0")
    assert "<table" in failed.html and failed.reply["ename"] == "ZeroDivisionError"


def test_magics_about_the_session(kernel):
    assert "driverMemory" in kernel.ok("%%info").html
    assert "%%sql" in kernel.ok("%%help").html
    assert kernel.ok("%%logs").text.strip()
    assert "%matplot plt" in kernel.ok("%%help").html


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


def test_lost_session_says_why_once_and_the_next_cell_has_a_new_one(kernel, livy):
    session = sessions(livy)[-1]["id"]
    httpx.delete(f"{livy.url}/sessions/{session}", trust_env=False, timeout=30)
    ran = kernel.run("1 + 1")
    assert ran.reply["status"] == "error"
    assert "The next cell starts a new one" in ran.reply["evalue"]
    assert len(ran.reply["traceback"]) == 1
    assert "Starting Spark application" in kernel.ok("2 + 2").text


def test_cleanup_ends_all_sessions(kernel, livy):
    kernel.ok("%%cleanup -f")
    assert sessions(livy) == []


def test_restart_in_the_middle_of_a_cell_ends_its_session(livy):
    kernel = Kernel(livy, "Restarted")
    try:
        kernel.ok("1 + 1")
        before = sessions(livy)[-1]["id"]
        request = kernel.client.execute("import time\nprint('runs')\ntime.sleep(600)")
        kernel.wait_for("stream", request)
        kernel.manager.restart_kernel()
        kernel.client.wait_for_ready(60)
        assert before not in [one["id"] for one in sessions(livy)]
        assert "Starting Spark application" in kernel.ok("40 + 2").text
    finally:
        kernel.stop()


def test_exit_in_a_local_cell_ends_the_kernel_and_its_session(livy):
    kernel = Kernel(livy, "Left")
    try:
        kernel.ok("1 + 1")
        own = sessions(livy)[-1]["id"]
        assert kernel.ok("%%local\nexit()").reply["payload"][0]["source"] == "ask_exit"
        until = time.monotonic() + 30
        while kernel.manager.is_alive():
            assert time.monotonic() < until
            time.sleep(0.05)
        assert own not in [one["id"] for one in sessions(livy)]
    finally:
        kernel.stop()


def test_what_pip_installs_below_local_is_there_in_the_kernel(kernel, tmp_path):
    made = wheel(tmp_path, "hopyard_near")
    ran = kernel.ok(f"%%local\n%pip install --no-index {made}")
    assert "Installed for this Jupyter server" in ran.stream("stdout")
    assert kernel.ok("%%local\nimport hopyard_near\nprint(hopyard_near.VALUE)").text == "7\n"
    kernel.ok("%%local\n%pip uninstall -y hopyard_near")


def test_cells_answer_whatever_a_local_one_did_to_its_streams(kernel):
    kernel.ok("1")  # in a session, which may have ended
    ran = kernel.ok("%%local\nimport sys\nsys.stdout = None; sys.stderr.close()")
    assert "it is the kernel's own again" in ran.stream("stderr")
    assert kernel.ok("print('out')").stream("stdout") == "out\n"
    assert kernel.ok("%%local\nprint('near')").stream("stdout") == "near\n"
    kernel.ok("%%cleanup -f")


def test_session_that_cannot_start_shows_the_end_of_its_log(livy):
    conf = '{"conf": {"spark.serializer": "no.such.Serializer"}}'
    kernel = Kernel(livy, "Broken", HOPYARD_SESSION_CONF=conf)
    try:
        ran = kernel.run("1 + 1")
    finally:
        kernel.stop()
    assert ran.reply["status"] == "error"
    assert "did not start" in ran.reply["evalue"]
    shown = "\n".join(ran.reply["traceback"])
    assert "The end of the driver's log:" in shown and "no.such.Serializer" in shown


def test_sparkmagic_works_in_a_python_notebook(livy, tmp_path):
    environment = {"HOPYARD_LIVY_URL": livy.url, "HOPYARD_SESSION_CONF": "{}"}
    write_for_notebooks(environment, tmp_path)
    kernel = Kernel(livy, "Python", "python3", SPARKMAGIC_CONF_DIR=str(tmp_path))
    try:
        kernel.ok("%load_ext sparkmagic.magics")
        widget = kernel.ok("%manage_spark")
        assert "application/vnd.jupyter.widget-view+json" in widget.mimes
        ran = kernel.ok(f"%spark add -s mine -l python -t Hub -u {livy.url}")
        assert "SparkSession available as 'spark'." in ran.text
        assert "42" in kernel.ok("%%spark -s mine\nprint(40 + 2)").text
        kernel.ok("%%spark -s mine -c sql -o found\nSELECT id FROM range(3)")
        assert kernel.ok("found['id'].tolist()").text == "[0, 1, 2]"
        kernel.ok("%%spark -s mine -c sql -q -o found -m take -n 2\nSELECT id FROM range(3)")
        assert kernel.ok("len(found)").text == "2"
        kernel.ok("%%spark -s mine -o kept -m sample -r 1.0 -n -1\nkept = spark.range(4)")
        assert kernel.ok("len(kept)").text == "4"
        plot = "import matplotlib.pyplot as plt\nplt.ioff()\nplt.plot([1, 2])\n%matplot plt"
        assert "image/png" in kernel.ok(f"%%spark -s mine\n{plot}").mimes
        assert "mine" in kernel.ok("%spark info").text
        assert "INFO" in kernel.ok("%spark logs -s mine").text
        failed = kernel.run("%%spark -s mine\n1 / 0")
        assert "ZeroDivisionError" in failed.reply["evalue"]
        kernel.ok("%spark delete -s mine")
        assert sessions(livy) == []
        kernel.ok(f"%spark add -s other -l scala -t Hub -u {livy.url}")
        assert "42" in kernel.ok("%%spark\nprintln(40 + 2)").text
        kernel.ok("%spark cleanup")
        assert sessions(livy) == []
    finally:
        kernel.stop()


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
