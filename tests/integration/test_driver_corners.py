"""What people's cells hold besides plain code: odd bytes, odd errors, widgets, ways to leave."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hopyard.protocol.messages import Display, Result
from hopyard.protocol.states import Kind
from tests.integration.test_driver import Driver, Livy, ready_driver
from tests.unit.test_packages import wheel

SLOW = 180.0
needs_r = pytest.mark.skipif(shutil.which("R") is None, reason="R is not installed")


@pytest.fixture(scope="module")
async def driver(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Driver]:
    async with ready_driver(tmp_path_factory.mktemp("driver-corners")) as driver:
        yield driver


@pytest.fixture
def livy(driver: Driver) -> Livy:
    return driver.livy


async def r(livy: Livy, code: str) -> Result:
    return await livy.result(await livy.execute(code, Kind.SPARKR), SLOW)


async def shown(livy: Livy, code: str) -> str:
    """Return the HTML of what code displays."""
    statement = await livy.execute(code)
    result = await livy.result(statement)
    assert result.status == "ok", result.evalue
    return str(livy.of(Display, statement)[-1].data.get("text/html", ""))


# --- display() of Spark's rows --------------------------------------------------------------------


async def test_display_is_a_sessions_first(livy: Livy) -> None:
    assert "<td>2</td>" in await shown(livy, "display(spark.range(3))")
    result = await livy.run("display(spark.range(3).selectExpr('raise_error(\"boom\")'))")
    assert result.ename != "AttributeError"
    assert "boom" in result.evalue


@pytest.mark.parametrize(
    ("query", "cell"),
    [
        ("interval '1-2' year to month", "INTERVAL &#x27;1-2&#x27; YEAR TO MONTH"),
        ("make_interval(1, 2)", "1 years 2 months"),
        ("timestamp'20000-01-01'", "+20000-01-01 00:00:00"),
        ("map(array(1), 2)", "{[1] -&gt; 2}"),
        ("array(interval '3' month, null)", "[INTERVAL &#x27;3&#x27; MONTH, null]"),
    ],
)
async def test_display_shows_what_python_cannot_hold(livy: Livy, query: str, cell: str) -> None:
    html = await shown(livy, f'display(spark.sql("select {query} a, 1 a"))')
    assert f"<td>{cell}</td><td>1</td>" in html
    assert "as Spark writes them, since Python cannot hold them" in html


# --- widgets and pictures -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "code",
    [
        "IntSlider()",
        "HBox([IntSlider()])",
        "display(IntSlider(), IntSlider())",
        "h = display('x', display_id=True)\nh.update(IntSlider())",
        "o = Output()\nwith o:\n    print('in it')\no",
    ],
)
async def test_a_widget_says_where_widgets_work(livy: Livy, code: str) -> None:
    statement = await livy.execute("from ipywidgets import HBox, IntSlider, Output\n" + code)
    result = await livy.result(statement)
    assert livy.text(statement, "stderr").count("%%local") == 1
    for data in (result.data, *(one.data for one in livy.of(Display, statement))):
        assert "application/vnd.jupyter.widget-view+json" not in data


@pytest.mark.parametrize("form", ["svg", "pdf", "jpeg", "retina"])
async def test_a_picture_is_the_result_in_each_form(livy: Livy, form: str) -> None:
    code = f"%config InlineBackend.figure_formats = ['{form}']\n"
    code += "import matplotlib.pyplot as plt\nplt.plot([1, 2])"
    mimes = {"svg": "image/svg+xml", "pdf": "application/pdf", "jpeg": "image/jpeg"}
    result = await livy.run(code)
    assert result.data[mimes.get(form, "image/png")]


# --- errors ---------------------------------------------------------------------------------------


async def test_an_exception_group_is_the_cells_error(livy: Livy) -> None:
    code = "def f():\n    raise ValueError(7)\ntry:\n    f()\nexcept ValueError as e:\n"
    code += "    raise ExceptionGroup('many', [e])"
    statement = await livy.execute(code)
    result = await livy.result(statement)
    text = "".join(result.traceback)
    assert (result.ename, result.evalue) == ("ExceptionGroup", "many (1 sub-exception)")
    assert '|   File "<cell>", line 2, in f' in text
    assert "| ValueError: 7" in text
    assert "site-packages" not in text
    assert livy.text(statement, "stderr") == ""


async def test_errors_without_a_text_keep_their_name_and_place(livy: Livy) -> None:
    code = "class Odd(Exception):\n    def __str__(self):\n        return 5\nraise Odd()"
    result = await livy.run(code)
    assert (result.status, result.ename) == ("error", "Odd")
    assert 'File "<cell>", line 4' in "".join(result.traceback)
    assert (await livy.run("1 + 1")).data == {"text/plain": "2"}


async def test_an_error_in_a_thread_has_the_users_frames(livy: Livy) -> None:
    code = "import threading\ndef f(): 1 / 0\nt = threading.Thread(target=f)\nt.start(); t.join()"
    statement = await livy.execute(code)
    await livy.result(statement)
    text = livy.text(statement, "stderr")
    assert text.startswith("Exception in thread Thread-")
    assert 'File "<cell>", line 2, in f' in text
    assert "threading.py" not in text


async def test_a_log_of_everything_does_not_slow_shell_lines(livy: Livy) -> None:
    code = "import logging, threading, time\nlogging.basicConfig(level=logging.DEBUG, force=True)\n"
    code += "t = threading.Thread(target=spark.range(3).count); t.start()\n"
    code += "begun = time.monotonic()\n!echo hi\nassert time.monotonic() - begun < 5\nt.join()"
    statement = await livy.execute(code)
    try:
        assert (await livy.result(statement)).status == "ok"
        assert livy.text(statement).strip() == "hi"
        assert "py4j" not in livy.text(statement, "stderr")
        # The fork let go of the thread's connection to the JVM: it is not its own to close.
        assert (await livy.run("spark.range(3).count()")).data == {"text/plain": "3"}
    finally:
        await livy.run("logging.getLogger().setLevel(logging.WARNING)")


@pytest.mark.parametrize(
    "code",
    [
        "import sys\nwith sys.stdout as file: print('in it', file=file)",
        "import sys; sys.stdout.close(); sys.stderr.close()",
        "import sys; sys.stdout = None",
        "import sys; sys.stderr = None; sys.stdout = None",
        "import sys; sys.stdout = type('T', (), {'write': lambda self, text: None})()",
        "import sys; sys.stdout = open('/dev/null', 'w'); sys.stdout.close()",
    ],
)
async def test_the_next_cell_prints_whatever_became_of_the_streams(livy: Livy, code: str) -> None:
    statement = await livy.execute(code)
    assert (await livy.result(statement)).status == "ok"
    said = "is the kernel's own again" in livy.text(statement, "stderr")
    assert said == ("stdout =" in code)
    statement = await livy.execute("import sys; print('out'); print('err', file=sys.stderr); 7")
    assert (await livy.result(statement)).data == {"text/plain": "7"}
    assert (livy.text(statement), livy.text(statement, "stderr")) == ("out\n", "err\n")


async def test_a_fork_ends_with_its_cell(livy: Livy) -> None:
    code = "import os, time\npid = os.fork()\nif pid: print(os.waitpid(pid, 0)[1] >> 8)\n"
    for rest, printed in (
        ("else: print('in the fork')", "in the fork\n0\n"),
        ("else: 1 / 0", "1\n"),
        ("else: raise SystemExit(3)", "1\n"),
    ):
        statement = await livy.execute(code + rest)
        await livy.result(statement)
        assert livy.text(statement) == printed
    assert (await livy.run("spark.range(3).count()")).data == {"text/plain": "3"}


async def test_a_stream_of_the_users_own_stays(livy: Livy) -> None:
    await livy.run("import io, sys; kept, sys.stdout = sys.stdout, io.StringIO()")
    await livy.run("print('taken')")
    assert (await livy.run("sys.stdout.getvalue()")).data == {"text/plain": "'taken\\n'"}
    await livy.run("sys.stdout = kept")


# --- code as editors of other systems write it ----------------------------------------------------


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n\x0c"])
async def test_lines_end_as_on_any_system(livy: Livy, end: str) -> None:
    python = end.join(("\ufeffx = 1", "for i in [2]:", "    x += i", "", "x"))
    assert (await livy.run(python)).data == {"text/plain": "3"}


@needs_r
@pytest.mark.parametrize("end", ["\r\n", "\r", "\n\x0c"])
async def test_lines_of_r_end_as_on_any_system(livy: Livy, end: str) -> None:
    code = end.join(
        ("\ufeffx <- 1", "for (i in 2) {", "  x <- x + i", "}", "nchar('a\\r\\nb')", "x")
    )
    assert (await r(livy, code)).data == {"text/plain": "[1] 3"}


# --- R --------------------------------------------------------------------------------------------


@needs_r
async def test_names_have_underscores_as_with_sparkr(livy: Livy) -> None:
    statement = await livy.execute("df <- createDataFrame(iris)\ncat(names(df))", Kind.SPARKR)
    assert (await livy.result(statement, SLOW)).status == "ok"
    assert livy.text(statement).startswith("Sepal_Length Sepal_Width")
    warned = livy.text(statement, "stderr")
    assert "Use Sepal_Length instead of Sepal.Length as column name" in warned
    result = await r(livy, "collect(select(df, max(df$Sepal_Length)))[[1]]")
    assert result.data == {"text/plain": "[1] 7.9"}


@needs_r
@pytest.mark.parametrize(
    ("frame", "seen"),
    [
        ("data.frame()", "0 0"),
        ("data.frame(row.names = 1:3)", "3 0"),
        ("list()", "0 0"),
        ("data.frame(a = integer(), b = character())", "0 2"),
        ("data.frame(f = factor(c('x', NA)), d = as.Date(c('2020-01-01', NA)), n = NA)", "2 3"),
        ("structure(data.frame(1:2, 3:4), names = c('a', 'a'))", "2 2"),
        ("data.frame(a = 1:2, l = I(list(1:2, c(0.5, 1))))", "2 2"),
    ],
)
async def test_edge_frames_go_to_spark(livy: Livy, frame: str, seen: str) -> None:
    result = await r(livy, f"paste(dim(createDataFrame({frame})), collapse = ' ')")
    assert result.data == {"text/plain": f'[1] "{seen}"'}, result.evalue


@needs_r
@pytest.mark.parametrize(
    ("frame", "word"),
    [
        ("data.frame(a = 1:2, l = I(list(1:2, 'a')))", "values of one type"),
        ("data.frame(a = 1:2, m = I(matrix(1:4, 2)))", "column m is itself a table"),
    ],
)
async def test_what_spark_cannot_hold_is_no_null(livy: Livy, frame: str, word: str) -> None:
    result = await r(livy, f"createDataFrame({frame})")
    assert result.status == "error"
    assert word in result.evalue


@needs_r
async def test_bytes_that_are_no_text_stay_in_their_statement(livy: Livy) -> None:
    statement = await livy.execute("cat(rawToChar(as.raw(c(0x63, 0xe9))))", Kind.SPARKR)
    await livy.result(statement, SLOW)
    assert livy.text(statement) == "c\ufffd"
    statement = await livy.execute("cat('next')", Kind.SPARKR)
    await livy.result(statement)
    assert livy.text(statement) == "next"


# --- packages that people install -----------------------------------------------------------------


async def test_what_pip_installs_is_there_in_driver_and_executors(
    livy: Livy, tmp_path: Path
) -> None:
    await livy.run("worker = lambda x: __import__('hopyard_tiny').VALUE")
    statement = await livy.execute(f"%pip install --no-index {wheel(tmp_path, 'hopyard_tiny')}")
    assert (await livy.result(statement)).status == "ok"
    assert "Installed for this Spark session" in livy.text(statement)
    assert (await livy.run("import hopyard_tiny; hopyard_tiny.VALUE")).data == {"text/plain": "7"}
    result = await livy.run("sc.parallelize([1], 1).map(worker).collect()")
    assert result.data == {"text/plain": "[7]"}, result.evalue
    for code in ("%pip list", "!pip list", "!python -m pip list"):
        statement = await livy.execute(code)
        await livy.result(statement)
        assert "hopyard_tiny" in livy.text(statement).replace("-", "_"), code
    statement = await livy.execute("%pip uninstall -y hopyard_tiny")
    await livy.result(statement)
    assert "Successfully uninstalled" in livy.text(statement)
    assert "use %pip install" in (await livy.run("%conda install x")).evalue


# --- files that are added -------------------------------------------------------------------------

ADD = "__import__('hopyard.driver.interpreters.jobs', fromlist=['add']).add"


@pytest.mark.parametrize(
    "code",
    [
        "sc.addFile('http://127.0.0.1:9/nothing.txt')",
        "sc.addFile('/nowhere/nothing.txt')",
        "sc.addPyFile('http://127.0.0.1:9/nothing.py')",
        f"{ADD}('jar', 'http://127.0.0.1:9/nothing.jar')",
        f"{ADD}('jar', '/nowhere/nothing.jar')",
        f"{ADD}('jar', '/tmp')",
        f"{ADD}('file', '/tmp')",
    ],
)
async def test_a_file_that_cannot_be_added_harms_no_later_job(livy: Livy, code: str) -> None:
    assert (await livy.run(code)).status == "error"
    result = await livy.run("sc.parallelize([1, 2], 2).map(str).collect()")
    assert result.data == {"text/plain": "['1', '2']"}, result.evalue


async def test_an_added_file_is_opened_by_its_name(livy: Livy, tmp_path: Path) -> None:
    for name in ("added.txt", "both.txt"):
        (tmp_path / name).write_text(f"x\n{name}")
        await livy.run(f"sc.addFile('{tmp_path / name}')")
    await livy.run("here = open('both.txt', 'w'); here.write('mine'); here.close()")
    code = (
        "import pandas, pathlib\n[open('added.txt').read(), pathlib.Path('added.txt').read_text(),"
    )
    code += " pandas.read_csv('added.txt').x[0], open('both.txt').read()]"
    result = await livy.run(code)
    wanted = ["x\nadded.txt", "x\nadded.txt", "added.txt", "mine"]
    assert result.data == {"text/plain": repr(wanted)}, result.evalue
    assert (await livy.run("open('nothing.txt')")).ename == "FileNotFoundError"
    result = await livy.run("open('added.txt', 'x').close()")
    assert result.status == "ok", "what is written is written to the folder of notebooks"


@pytest.mark.parametrize("name", ["open", "io.open", "builtins.open", "functools.partial(open)"])
async def test_functions_for_executors_may_open_files(livy: Livy, name: str) -> None:
    setup = f"import builtins, functools, io\nopener = {name}\n"
    code = "sc.parallelize([1], 1).map(lambda _: opener('/etc/hostname', 'rb').closed).collect()"
    result = await livy.run(setup + code)
    assert result.data == {"text/plain": "[False]"}, result.evalue


# --- ways to leave --------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["exit()", "quit", "import sys; sys.exit()", "raise SystemExit"])
async def test_leaving_ends_the_cell_and_says_that_the_session_goes_on(
    livy: Livy, code: str
) -> None:
    await livy.run("kept = 5")
    statement = await livy.execute(code)
    result = await livy.result(statement)
    assert (result.status, result.ename) == ("error", "SystemExit")
    assert "The session goes on" in "".join(result.traceback)
    assert livy.text(statement, "stderr") == ""
    assert (await livy.run("import time; time.sleep(0.3); kept")).data == {"text/plain": "5"}


@needs_r
@pytest.mark.parametrize("code", ["q()", "quit('no', 3)"])
async def test_leaving_r_says_that_the_session_goes_on(livy: Livy, code: str) -> None:
    await r(livy, "kept <- 5")
    result = await r(livy, code)
    assert (result.status, result.ename) == ("error", "Quit")
    assert "The session goes on" in result.evalue
    assert (await r(livy, "kept")).data == {"text/plain": "[1] 5"}


async def test_ending_the_jvm_is_said_last(livy: Livy) -> None:
    result = await livy.result(await livy.execute("sys.exit(3)", Kind.SPARK), SLOW)
    assert (result.status, result.ename) == ("error", "SessionEnded")
    assert result.evalue == "The driver's JVM ended (exit code 3), as after System.exit."
