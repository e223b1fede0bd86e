"""What the three Spark kernels have in common: every magic with every option, in each language."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.integration.kernels import Kernel, Ran, livy_for_kernels, sessions, whole_output
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
    table: str
    """Prints `found` as Spark does."""
    show: str
    """Prints the text `word`."""
    count: str
    """Prints the number of rows of `there`."""
    typed: str
    """Makes `typed` of the rows of `{query}`."""
    word: str
    """Makes `word`, a text."""
    letters: str
    """Prints the number of letters of `word`."""
    stream: str
    """Makes `stream`, a streaming DataFrame."""
    long: str
    """Prints ten thousand lines of 99 letters."""
    sleep: str
    begin: str
    whole: str
    """What begins with `begin`."""
    documented: str
    """A name that can be looked up."""


PYTHON = Cells(
    kernel="pyspark",
    kind="pyspark",
    name="python",
    add="40 + 2",
    out='print("printed")',
    fail='raise ValueError("too bad")',
    frame="found = spark.range(10).toDF('n')",
    table="found.show()",
    show="print(word)",
    count="print('rows', there.count())",
    typed='typed = spark.sql("{query}")',
    word="word = 'text'",
    letters="print(len(word), word[-3:])",
    stream='stream = spark.readStream.format("rate").load()',
    long="for n in range(10_000): print(f'{n:05d}' + 'x' * 94)",
    sleep="import time\ntime.sleep(60)",
    begin="spark.sparkCon",
    whole="sparkContext",
    documented="spark.range",
)
SCALA = Cells(
    kernel="spark",
    kind="spark",
    name="scala",
    add="40 + 2",
    out='println("printed")',
    fail='throw new IllegalArgumentException("too bad")',
    frame='val found = spark.range(10).toDF("n")',
    table="found.show()",
    show="println(word)",
    count='println("rows " + there.count())',
    typed='val typed = spark.sql("{query}")',
    word='val word = "text"',
    letters='println(s"${word.length} ${word.takeRight(3)}")',
    stream='val stream = spark.readStream.format("rate").load()',
    long='for (n <- 0 until 10000) println(f"$n%05d" + "x" * 94)',
    sleep="Thread.sleep(60000)",
    begin="spark.sparkCon",
    whole="sparkContext",
    documented="spark.range",
)
R = Cells(
    kernel="sparkr",
    kind="sparkr",
    name="R",
    add="40 + 2",
    out='cat("printed\\n")',
    fail='stop("too bad")',
    frame='found <- sql("SELECT id AS n FROM range(10)")',
    table="showDF(found)",
    show="cat(word)",
    count='cat("rows", nrow(there))',
    typed='typed <- sql("{query}")',
    word='word <- "text"',
    letters="cat(nchar(word), substring(word, nchar(word) - 2), '\\n')",
    stream="",  # our SparkR has none
    long='for (n in 0:9999) cat(sprintf("%05d", n), strrep("x", 94), "\\n", sep = "")',
    sleep="Sys.sleep(60)",
    begin="createDataF",
    whole="createDataFrame",
    documented="createDataFrame",
)


@pytest.fixture(scope="module")
def livy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Livy]:
    with livy_for_kernels(tmp_path_factory.mktemp("livy")) as running:
        yield running


@pytest.fixture(scope="module", params=[PYTHON, SCALA, R], ids=lambda cells: cells.kernel)
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
    # Pages show the traceback alone.
    assert "too bad" in "\n".join(ran.reply["traceback"])


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


TYPES = """SELECT id AS n, IF(id = 1, NULL, id) AS gap, CAST(id + 0.5 AS DECIMAL(22, 2)) AS d,
TIMESTAMP'2024-01-02 03:04:05.678901' AS t, IF(id = 1, NULL, true) AS b, DATE'2024-02-29' AS day,
IF(id = 1, NULL, 'é ' || id) AS s, array(id) AS a FROM range(3) ORDER BY id"""


def test_rows_keep_their_types(cells, kernel):
    query = TYPES.replace("\n", " ")
    kernel.ok(f"%%spark -o typed\n{cells.typed.format(query=query)}")
    code = """%%local
print([str(kind) for kind in typed.dtypes])
print(typed['gap'].isna().tolist(), typed['b'].tolist(), repr(typed['d'][2]))
print(typed['t'][0], typed['s'].tolist(), typed['a'][2].tolist(), typed['day'][0])"""
    kinds, nulls, values = kernel.ok(code).text.splitlines()
    assert re.sub(r"\[\w+(, [\w/]+)?\]", "[]", kinds) == str(
        ["int64", "Int64", "object", "datetime64[]", "boolean", "datetime64[]", "object", "object"]
    )
    assert nulls == "[False, True, False] [True, <NA>, True] Decimal('2.50')"
    assert values.startswith("2024-01-02 03:04:05.678901")
    assert values.endswith("['é 0', None, 'é 2'] [2] 2024-02-29 00:00:00")


def test_what_is_no_frame_is_said(cells, kernel):
    ran = kernel.run(f"%%spark -o word\n{cells.word}")
    assert "is no DataFrame but of" in ran.reply["evalue"]
    assert "can be fetched" in ran.reply["evalue"] and len(ran.reply["traceback"]) == 1
    assert kernel.run("%%spark -o nowhere").reply["status"] == "error"
    if not cells.stream:
        return
    ran = kernel.run(f"%%spark -o stream\n{cells.stream}")
    assert "must be executed with writeStream.start()" in ran.reply["evalue"], ran.reply
    assert len(ran.reply["traceback"]) == 1


def test_a_data_frame_of_pandas_is_fetched(cells, kernel):
    if cells is not PYTHON:
        pytest.skip("only Python has pandas")
    code = "import pandas\npdf = pandas.DataFrame({'n': [2**60 + 1, 2]})\nseries = pdf['n']"
    kernel.ok(f"%%spark -o pdf\n{code}")
    assert local(kernel, "pdf.values.tolist()") == f"[[{2**60 + 1}], [2]]"
    kernel.ok("%%spark -o series")
    assert local(kernel, "series['n'].tolist()") == f"[{2**60 + 1}, 2]"
    kernel.ok("%%spark -o pdf -m sample -r 1.0")
    assert local(kernel, "pdf.shape") == "(2, 1)"


def test_values_stay_as_they_are_at_every_depth(kernel):
    kernel.ok(
        "%%sql -q -o a\nSELECT array(9007199254740993L, null) AS a, "
        "named_struct('n', 9007199254740993L, 'n', null) AS s, map('k', array(null, 1.5BD)) AS m"
    )
    assert local(kernel, "list(a['a'][0]), a['s'][0]") == (
        "[9007199254740993, None] {'n_0': 9007199254740993, 'n_1': None}"
    )
    assert local(kernel, "a['m'][0]") == "[('k', array([None, Decimal('1.5')], dtype=object))]"


def test_every_row_that_spark_can_print_comes(kernel):
    ran = kernel.ok(
        "%%sql -o odd\nSELECT interval '1-2' year to month AS m, "
        "parse_json('{\"a\":[1,2.5,\"x\"]}') AS v, timestamp'+20000-01-01 00:00:00' AS t"
    )
    assert "INTERVAL '1-2' YEAR TO MONTH" in ran.html
    said = "As Spark's own text, since pandas has no such values: m (interval year to month), "
    assert said + "v (variant), t (timestamp beyond the years 1 to 9999)." in ran.text
    assert local(kernel, "odd['v'][0], odd['t'][0]") == '{"a":[1,2.5,"x"]} +20000-01-01 00:00:00'
    kernel.ok(
        "%%sql -q -o then\nSET spark.sql.session.timeZone = GMT+8;"
        "SELECT timestamp'2024-02-29 12:00:00' AS t"
    )
    kernel.ok("%%sql -q\nRESET spark.sql.session.timeZone")
    assert local(kernel, "then['t'][0].isoformat()") == "2024-02-29T12:00:00+08:00"


def test_statements_are_cut_where_spark_cuts(kernel):
    kernel.ok("%%sql -q -o raw\nSELECT r'a\\' AS p, 'b;c' AS q")
    assert local(kernel, "raw.values.tolist()") == "[['a\\\\', 'b;c']]"
    kernel.ok("%%sql -q -o raw -m sample -r 1.0\nSELECT 1; SELECT 'b;c' AS q")
    assert local(kernel, "raw.values.tolist()") == "[['b;c']]"
    kernel.ok("%%sql -q -o raw\n-- a script\nBEGIN\n  SELECT 1; SELECT 2 AS n;\nEND")
    assert local(kernel, "raw['n'].tolist()") == "[2]"


def test_magics_are_found_behind_what_cannot_be_seen(cells, kernel):
    for cell in (
        " %%sql\nSELECT 41 + 1",
        "\n \n%%sql\nSELECT 42",
        "\ufeff%%sql\r\nSELECT 42\r\n",
        "\t%%sql\u00a0\nSELECT 42",
        "%%sql SELECT 42",
        "%%sql -n 5 SELECT 42",
    ):
        assert "<td>42</td>" in kernel.ok(cell).html, cell
    assert "%%sql" in kernel.ok("  %%help").html
    assert local(kernel, "1 + 1") == "2"
    comment = "//" if cells is SCALA else "#"
    ran = kernel.run(f"{comment} c\n%%sql\nSELECT 1")
    assert ran.reply["evalue"].startswith("%%sql must be the first in its cell")
    ran = kernel.run('%%configure {"conf": {"spark.driver.port": "1"}}')
    assert "spark.driver.port cannot be set" in ran.reply["evalue"]


def test_long_texts_and_large_tables_go_to_spark(cells, kernel):
    kernel.ok(
        "%%local\nimport numpy, pandas\nlong = 'é$\\\"\\n' * 17_500 + 'end'\n"
        "large = pandas.DataFrame({'n': numpy.arange(2_200_000), 's': 'text'})\n"
        "small = pandas.DataFrame({'n': numpy.array([255], 'uint8')})"
    )
    kernel.ok("%%send_to_spark -i long -n word")
    assert kernel.ok(cells.letters).text.split() == ["70003", "end"]
    kernel.ok("%%send_to_spark -i large -t df -n there -m -1")
    assert "rows 2200000" in kernel.ok(cells.count).text
    kernel.ok("%%send_to_spark -i small -t df -n there")
    kernel.ok("%%spark -o there")
    assert local(kernel, "there['n'].tolist()") == "[255]"
    assert kernel.ok("%%sql\nSHOW TABLES").html.count("hopyard_") == 0


def test_what_cannot_be_sent_is_one_sentence(cells, kernel):
    kernel.ok(
        "%%local\nimport pandas\nmixed = pandas.DataFrame({'x': [1, 'a']})\n"
        "twice = pandas.DataFrame([[1, 2]], columns=['a', 'a'])\n"
        "complex_ = pandas.DataFrame({'x': [1j]})\nbig = pandas.DataFrame({'x': [2**70]})\n"
        "half = '\\udcff'"
    )
    for name, kind, words in (
        ("mixed", "df", "Column 'x' has values of several kinds (int, str)"),
        ("twice", "df", "several columns called 'a'"),
        ("complex_", "df", "Column 'x' is of type complex128"),
        ("big", "df", "Column 'x' has whole numbers beyond 64 bits"),
        ("half", "str", "no Unicode"),
    ):
        ran = kernel.run(f"%%send_to_spark -i {name} -t {kind}")
        assert words in ran.reply["evalue"], ran.reply
        assert len(ran.reply["traceback"]) == 1


def test_a_data_frame_of_r_is_fetched_and_comes_from_pandas(cells, kernel):
    if cells is not R:
        pytest.skip("only R has data frames of its own")
    made = """own <- data.frame(n = c(1L, NA), x = c(0.5, NaN), s = c("é", NA), l = c(TRUE, NA),
  at = as.POSIXct(c("2024-01-02 03:04:05.25", NA)), day = as.Date(c("2024-02-29", NA)))"""
    kernel.ok(f"%%spark -o own\n{made}")
    code = """%%local
print([str(kind).partition('[')[0] for kind in own.dtypes], own['n'].tolist(), own['s'].tolist())
print(own['at'][0].microsecond, own['at'].isna().tolist(), own['day'][0], own['l'].tolist())"""
    assert kernel.ok(code).text.splitlines() == [
        "['Int32', 'float64', 'object', 'boolean', 'datetime64', 'datetime64'] [1, <NA>] "
        "['é', None]",
        "250000 [False, True] 2024-02-29 00:00:00 [True, <NA>]",
    ]
    kernel.ok("%%spark -o own -m sample -r 1.0")
    assert kernel.ok("%%local\nprint(own.shape)").text == "(2, 6)\n"
    kernel.ok("%%send_to_spark -i own -t df -n back")
    assert "SparkDataFrame[n:int, x:double" in kernel.ok("back").text
    shown = kernel.ok("collect(back)$n + collect(filter(back, isNotNull(back$n)))$x").text
    assert shown == "[1] 1.5  NA"


def test_rs_questions_go_to_the_notebooks_user(cells, kernel):
    if cells is not R:
        pytest.skip("only R asks so")
    code = """cat("before\\n"); who <- readline("Name? "); word <- getPass("Word? ")
more <- getOption("askpass")("More? "); paste(who, word, more)"""
    request = kernel.client.execute(code, allow_stdin=True)
    for asked in (("Name? ", "Ada Ö", False), ("Word? ", "secret", True), ("More? ", "x", True)):
        prompt, value, password = asked
        question = kernel.client.get_stdin_msg(timeout=60)["content"]
        assert question == {"prompt": prompt, "password": password}
        kernel.client.input(value)
    assert kernel.wait_for("stream", request)["text"] == "before\n"
    shown = kernel.wait_for("execute_result", request)["data"]["text/plain"]
    assert shown == '[1] "Ada Ö secret x"'
    kernel.wait_for("execute_reply", request, shell=True)
    assert "42" in kernel.ok(cells.add).text


def test_a_question_of_r_can_be_interrupted_and_refused(cells, kernel):
    if cells is not R:
        pytest.skip("only R asks so")
    request = kernel.client.execute('cat("asks\\n"); readline("Name? ")', allow_stdin=True)
    kernel.client.get_stdin_msg(timeout=60)
    kernel.manager.interrupt_kernel()
    reply = kernel.wait_for("execute_reply", request, shell=True)
    assert reply["ename"] == "KeyboardInterrupt"
    ran = kernel.run('readline("Name? ")', stdin=False)
    assert ran.reply["status"] == "error" and "nobody can answer" in ran.stream("stderr")
    assert "42" in kernel.ok(cells.add).text


def test_very_long_output_is_cut_with_a_link_to_all_of_it(cells, kernel, livy):
    whole_output(livy, kernel.ok(cells.long))
    whole_output(livy, kernel.ok(f"%%pretty\n{cells.long}"))


def test_pretty_shows_tables_as_html(cells, kernel):
    kernel.ok(cells.frame)
    ran = kernel.ok(f"%%pretty\n{cells.out}\n{cells.table}")
    assert ran.html.startswith("<pre>printed</pre><br /><table>") and ran.html.count("<tr>") == 11


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
    found = kernel.inspect(cells.documented)
    assert found["found"] and cells.documented.rpartition(".")[2] in str(found["data"])


def test_magics_that_need_python_say_so(cells, kernel):
    ran = kernel.run("%matplot plt")
    assert cells is PYTHON or "use the PySpark kernel" in ran.reply["evalue"]


def local(kernel: Kernel, expression: str) -> str:
    return kernel.ok(f"%%local\nprint({expression})").text.strip()


def test_every_option_of_sql(kernel):
    query = "SELECT id, DATE'2024-01-02' AS day FROM range(100)"
    ran = kernel.ok(f"%%sql -o rows -n 3\n{query}")
    assert "<table" in ran.html and "The first 3 rows only: -n NUMBER for more" in ran.text
    ran = kernel.ok(f"%%sql --output rows --quiet --maxrows -1\n{query}")
    assert "<table" not in ran.html and "only" not in ran.text
    assert local(kernel, "len(rows), rows['day'].dtype.kind") == "100 M"
    kernel.ok(f"%%sql -q -o rows -m sample -r 0.0 -c False\n{query}")
    assert local(kernel, "rows.shape, rows['day'].dtype") == "(0, 2) object"
    kernel.ok(f"%%sql -q -o rows -m sample -r 1.0 -n 5 -c True\n{query}")
    assert local(kernel, "rows.shape, rows['day'].dtype.kind") == "(5, 2) M"
    assert "<table" in kernel.ok(f"%%sql\n{query}").html


def test_every_option_of_spark(cells, kernel):
    ran = kernel.ok(f"%%spark -o found --maxrows 4\n{cells.frame}")
    assert "The first 4 rows only" in ran.text
    assert local(kernel, "found['n'].tolist()") == "[0, 1, 2, 3]"
    kernel.ok("%%spark -o found -m take -n 99999999999")
    assert local(kernel, "len(found)") == "10"
    kernel.ok("%%spark -o found -m take -n -1")
    assert local(kernel, "len(found)") == "10"
    kernel.ok("%%spark -o found -m sample -r 1.0 -c True")
    assert local(kernel, "len(found)") == "10"
    query = "SELECT DATE'2024-01-02' AS day"
    kernel.ok(f"%%spark -o typed -c False\n{cells.typed.format(query=query)}")
    assert local(kernel, "typed['day'].tolist()") == "[datetime.date(2024, 1, 2)]"
    assert kernel.ok(f"%%spark\n{cells.out}").stream("stdout") == "printed\n"


def test_every_option_of_send_to_spark(cells, kernel):
    kernel.ok("%%local\nimport pandas\ngiven, table = 'é 😀', pandas.DataFrame({'a': range(9)})")
    assert (
        "given is word in Spark now." in kernel.ok("%%send_to_spark -i given -t str -n word").text
    )
    assert kernel.ok(cells.show).text.strip() == "é 😀"
    ran = kernel.ok("%%send_to_spark -i table -t df -n there -m 4")
    assert "The first 4 of 9 rows only" in ran.text
    assert "rows 4" in kernel.ok(cells.count).text
    kernel.ok("%%send_to_spark -i table -t df -n there -m -1")
    assert "rows 9" in kernel.ok(cells.count).text
    for line, words in (
        ("-i table", "must be str"),
        ("-i nowhere", "no local variable nowhere"),
        ("-i given -n 'a b'", "no name of a variable"),
        ("", "-i param not provided"),
    ):
        assert words in kernel.run(f"%%send_to_spark {line}").reply["evalue"]


def test_magics_about_sessions(cells, kernel, livy):
    helped = kernel.ok("%%help").html
    for magic in ("%%info", "%%configure", "%%sql", "%%send_to_spark", "%%attach", "%matplot"):
        assert magic in helped
    assert "driverMemory" in kernel.ok("%%info").html
    assert kernel.ok("%%logs").text.strip()
    other = livy.create(kind="pyspark", driverMemory="1g")
    kernel.ok(f"%%delete -f -s {other}")
    assert other not in [one["id"] for one in sessions(livy)]
    (own,) = [one["id"] for one in sessions(livy)]
    for cell, words in (
        (f"%%delete -f -s {own}", "Cannot delete this kernel's session"),
        (f"%%delete -s {own}", "Include the -f parameter"),
        ("%%cleanup", "-f parameter"),
        ("%%configure\n{}", "include the -f argument"),
        ('%%configure -f\n{"conf": {"spark.driver.port": "1"}}', "spark.driver.port cannot be set"),
    ):
        ran = kernel.run(cell)
        assert words in ran.reply["evalue"], cell
        assert len(ran.reply["traceback"]) == 1
    assert "42" in kernel.ok(cells.add).text, "the session is still there"


def test_what_users_get_wrong_is_said(cells, kernel):
    for cell, words in (
        ("%%sqll\nSELECT 1", "There is no magic %%sqll in this kernel; there are %%attach, "),
        ("%%sql\nSELEC 1", "SELEC"),
        ("%%sql\nSELECT * FROM nowhere", "nowhere"),
        ("%%sql -o 'a b'\nSELECT 1", "no name of a variable"),
        ("%%sql --limit 3\nSELECT 1", "unrecognized arguments"),
        ("%%sql -n\nSELECT 1", "expected one argument"),
        ("%%spark -m all\n1", "must be take or sample"),
        ("%%spark -c perhaps -o x\n1", "perhaps"),
        ("%%spark -o nowhere", "nowhere"),
    ):
        ran = kernel.run(cell)
        said = str(ran.reply.get("evalue")) + ran.text + " ".join(ran.reply.get("traceback", ()))
        assert words in said, (cell, ran.reply)
    assert "42" in kernel.ok(cells.add).text


def test_frames_of_all_shapes(kernel):
    kernel.ok("%%sql -o empty\nSELECT id, 'x' AS s FROM range(5) WHERE id > 9")
    assert local(kernel, "empty.shape, empty['id'].dtype") == "(0, 2) int64"
    ran = kernel.ok("%%sql -o twice\nSELECT 1 AS a, 2 AS a, '😀 中文' AS `a b`")
    assert "😀 中文" in ran.html
    assert local(kernel, "twice.values.tolist(), list(twice)") == (
        "[[1, 2, '😀 中文']] ['a', 'a', 'a b']"
    )
    kernel.ok(
        "%%sql -o gaps\nSELECT * FROM VALUES (1, CAST('NaN' AS DOUBLE), DATE'2024-01-02', 'x'),"
        " (NULL, NULL, NULL, NULL) AS t(n, f, d, s)"
    )
    assert local(kernel, "gaps.isna().values.tolist()") == (
        "[[False, True, False, False], [True, True, True, True]]"
    )
    columns = ", ".join(f"{n} AS c{n}" for n in range(2_000))
    ran = kernel.ok(f"%%sql -o wide\nSELECT {columns}")
    assert "the first 1 × 200 shown" in ran.html
    assert local(kernel, "wide.shape") == "(1, 2000)"
    assert kernel.ok("%%sql\nCREATE OR REPLACE TEMP VIEW made AS SELECT 1 AS a").html == ""


def test_settings_make_a_new_session_and_cleanup_ends_all(cells, kernel, livy):
    before = [one["id"] for one in sessions(livy)]
    ran = kernel.ok('%%configure -f\n{"conf": {"spark.sql.shuffle.partitions": "3"}}')
    assert "Starting Spark application" in ran.text
    assert [one["id"] for one in sessions(livy)] != before
    refused = kernel.run('%%configure -f\n{"nosuch": 1}')
    assert "nosuch" in refused.reply["evalue"] and len(refused.reply["traceback"]) == 1
    assert "Starting Spark application" in kernel.ok(cells.add).text, "with the settings before"
    kernel.ok("%%sql -q -o set\nSET spark.sql.shuffle.partitions")
    assert local(kernel, "set['value'].tolist()") == "['3']"
    kernel.ok("%%cleanup -f")
    assert sessions(livy) == []
    ran = kernel.run("%%sqll\nSELECT 1")
    assert ran.reply["evalue"].startswith("There is no magic %%sqll in this kernel; there are %%")
    assert ran.reply["evalue"].endswith("Did you mean %%sql?") and len(ran.reply["traceback"]) == 1
    assert sessions(livy) == []
    # Without a session these say so, or work without one.
    assert "No logs yet" in kernel.ok("%%logs").text
    assert "driverMemory" in kernel.ok("%%info").html


def test_an_interrupt_while_the_session_starts_leaves_none(cells, kernel, livy):
    ran = kernel.run(cells.add, interrupt_after=1.0)
    assert ran.reply["ename"] == "KeyboardInterrupt"
    assert "no Spark session was started" in ran.reply["evalue"]
    assert sessions(livy) == []
    assert "42" in kernel.ok(cells.add).text
