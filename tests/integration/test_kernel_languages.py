"""The Spark and SparkR kernels: what the PySpark kernel does, in Scala and R."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.integration.kernels import Kernel, Ran, livy_for_kernels, whole_output
from tests.integration.livy import Livy


@dataclass(frozen=True)
class Cells:
    """Cells in one language."""

    kernel: str
    kind: str
    name: str
    """Jupyter's word for the language."""
    add: str
    out: str
    fail: str
    frame: str
    """Makes `found`, with a column `n` from 0 to 9."""
    show: str
    """Prints the text `word`."""
    count: str
    """Prints the number of rows of `there`."""
    long: str
    """Prints ten thousand lines of 99 letters."""
    sleep: str
    begin: str
    whole: str
    """What begins with `begin`."""


SCALA = Cells(
    kernel="spark",
    kind="spark",
    name="scala",
    add="40 + 2",
    out='println("printed")',
    fail='throw new IllegalArgumentException("too bad")',
    frame='val found = spark.range(10).toDF("n")',
    show="println(word)",
    count='println("rows " + there.count())',
    long='for (n <- 0 until 10000) println(f"$n%05d" + "x" * 94)',
    sleep="Thread.sleep(60000)",
    begin="spark.sparkCon",
    whole="sparkContext",
)
R = Cells(
    kernel="sparkr",
    kind="sparkr",
    name="R",
    add="40 + 2",
    out='cat("printed\\n")',
    fail='stop("too bad")',
    frame='found <- sql("SELECT id AS n FROM range(10)")',
    show="cat(word)",
    count='cat("rows", nrow(there))',
    long='for (n in 0:9999) cat(sprintf("%05d", n), strrep("x", 94), "\\n", sep = "")',
    sleep="Sys.sleep(60)",
    begin="createDataF",
    whole="createDataFrame",
)


@pytest.fixture(scope="module")
def livy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Livy]:
    with livy_for_kernels(tmp_path_factory.mktemp("livy")) as running:
        yield running


@pytest.fixture(scope="module", params=[SCALA, R], ids=lambda cells: cells.kernel)
def started(livy: Livy, request: pytest.FixtureRequest) -> Iterator[tuple[Cells, Kernel, Ran]]:
    cells: Cells = request.param
    if cells is R and shutil.which("Rscript") is None:
        pytest.skip("R is not installed")
    kernel = Kernel(livy, "Book", cells.kernel)
    yield cells, kernel, kernel.run(cells.add)
    kernel.stop()


@pytest.fixture
def cells(started: tuple[Cells, Kernel, Ran]) -> Cells:
    return started[0]


@pytest.fixture
def kernel(started: tuple[Cells, Kernel, Ran]) -> Kernel:
    return started[1]


def test_notebook_knows_its_language(cells, kernel):
    info = kernel.wait_for("kernel_info_reply", kernel.client.kernel_info(), shell=True)
    assert info["language_info"]["name"] == cells.name


def test_first_cell_starts_a_session_of_its_kind(started):
    cells, _, ran = started
    assert ran.reply["status"] == "ok", ran.reply
    assert f"<td>{cells.kind}</td>" in ran.html
    assert "42" in ran.of("execute_result")[0]["data"]["text/plain"]


def test_output_and_errors(cells, kernel):
    assert kernel.ok(cells.out).stream("stdout") == "printed\n"
    ran = kernel.run(cells.fail)
    assert ran.reply["status"] == "error"
    assert "too bad" in ran.reply["evalue"] + "".join(ran.reply["traceback"])


def test_sql_and_output_variables_become_pandas(cells, kernel):
    ran = kernel.ok("%%sql -o queried -n 2\nSELECT id FROM range(5)")
    assert "<table" in ran.html and "The first 2 rows only" in ran.text
    kernel.ok(f"%%spark -o found\n{cells.frame}")
    assert kernel.ok("%%local\nprint(len(queried), found['n'].tolist())").text == (
        "2 [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]\n"
    )
    kernel.ok("%%spark -o found -m sample -r 0.0")
    assert kernel.ok("%%local\nprint(found.shape)").text == "(0, 1)\n"


def test_local_values_go_to_spark(cells, kernel):
    kernel.ok(
        "%%local\nimport pandas\nword = 'say \"so\"'\ntable = pandas.DataFrame({'a': [1, 2]})"
    )
    kernel.ok("%%send_to_spark -i word")
    assert kernel.ok(cells.show).text.strip() == 'say "so"'
    kernel.ok("%%send_to_spark -i table -t df -n there")
    assert "rows 2" in kernel.ok(cells.count).text


def test_very_long_output_is_cut_with_a_link_to_all_of_it(cells, kernel, livy):
    whole_output(livy, kernel.ok(cells.long))


def test_interrupt_stops_the_code_and_not_the_session(cells, kernel):
    ran = kernel.run(cells.sleep, interrupt_after=2.0)
    assert ran.reply["ename"] == "KeyboardInterrupt"
    assert ran.seconds < 8  # below 1 s on a quiet machine
    assert "42" in kernel.ok(cells.add).text


def test_completion_comes_from_the_driver(cells, kernel):
    for typed, whole in ((cells.begin, cells.whole), ("%%sql\nsele", "select")):
        until = time.monotonic() + 60  # the first one may load much
        while not any(whole in match for match in kernel.complete(typed)["matches"]):
            assert time.monotonic() < until, typed


def test_magics_that_need_python_say_so(kernel):
    assert "use the PySpark kernel" in kernel.run("%matplot plt").reply["evalue"]
    assert "%%sql" in kernel.ok("%%help").html and "driverMemory" in kernel.ok("%%info").html
