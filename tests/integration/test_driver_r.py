"""R statements in a driver, and our SparkR package; skipped only where there is no R."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hopyard.protocol.messages import (
    Answer,
    Cancel,
    Complete,
    Display,
    Inspect,
    Result,
    Stream,
)
from hopyard.protocol.states import Kind
from tests.integration import odd
from tests.integration.test_driver import Driver, Livy, ready_driver

pytestmark = pytest.mark.skipif(shutil.which("R") is None, reason="R is not installed")

SLOW = 180.0


@pytest.fixture(scope="module")
async def driver(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Driver]:
    async with ready_driver(tmp_path_factory.mktemp("driver-r")) as driver:
        yield driver


@pytest.fixture
def livy(driver: Driver) -> Livy:
    return driver.livy


async def r(livy: Livy, code: str) -> Result:
    return await livy.result(await livy.execute(code, Kind.SPARKR), SLOW)


async def value(livy: Livy, code: str) -> object:
    """Return what R computes, by JSON."""
    result = await r(livy, f"jsonlite::toJSON({{{code}}}, auto_unbox = TRUE, digits = NA)")
    assert result.status == "ok", result.evalue
    return json.loads(result.data["text/plain"])


async def test_values_print_as_on_rs_console(livy: Livy) -> None:
    statement = await livy.execute("5\ncat('a\\n')\nx <- 3\n1:2 + x", Kind.SPARKR)
    result = await livy.result(statement, SLOW)
    assert (result.status, result.data) == ("ok", {"text/plain": "[1] 4 5"})
    assert livy.text(statement) == "[1] 5\na\n"


async def test_methods_that_a_cell_defines_are_used(livy: Livy) -> None:
    code = "print.odd <- function(x, ...) cat('mine', x$a, '\\n')\n"
    code += "x <- structure(list(a = 7), class = 'odd')\nx\nx"
    statement = await livy.execute(code, Kind.SPARKR)
    assert (await livy.result(statement, SLOW)).data == {"text/plain": "mine 7 "}
    assert livy.text(statement) == "mine 7 \n"
    code = "conditionMessage.odd <- function(c) 'my own words'\n"
    code += "print.odd <- function(x, ...) stop(x)\n"
    result = await r(livy, code + "structure(list(), class = c('odd', 'error', 'condition'))")
    assert (result.ename, result.evalue) == ("odd", "my own words")


@pytest.mark.parametrize(
    "code", ["?mean", "x <- sessionInfo()", "x <- packageVersion('SparkR')", "library(SparkR)"]
)
async def test_r_knows_the_package_without_a_warning(livy: Livy, code: str) -> None:
    statement = await livy.execute(code, Kind.SPARKR)
    assert (await livy.result(statement, SLOW)).status == "ok"
    assert livy.text(statement, "stderr") == ""


async def test_messages_and_warnings_go_to_stderr(livy: Livy) -> None:
    statement = await livy.execute("message('hm')\nx <- as.integer('q')", Kind.SPARKR)
    assert (await livy.result(statement)).data == {}
    text = livy.text(statement, "stderr")
    assert text == "hm\nWarning message:\nNAs introduced by coercion\n"
    assert livy.text(statement) == ""


async def test_output_comes_while_the_code_runs(livy: Livy) -> None:
    code = "cat('now\\n'); system('echo child'); Sys.sleep(3)"
    statement = await livy.execute(code, Kind.SPARKR)
    await livy.said(statement, "now\nchild\n")
    assert not livy.of(Result, statement)
    await livy.result(statement)


async def test_errors_have_the_users_calls(livy: Livy) -> None:
    result = await r(livy, "f <- function(x) {\n  stop('boom')\n}\ng <- function() f(1)\ng()")
    assert (result.status, result.ename, result.evalue) == ("error", "Error", "boom")
    assert list(result.traceback) == [
        "Error in f(1): boom",
        "Traceback:",
        "1. g()",
        "2. f(1) at line 4",
        '3. stop("boom") at line 2',
    ]
    result = await r(livy, "foo bar")
    assert result.ename == "ParseError"
    assert result.evalue.startswith("<cell>:1:5: unexpected symbol")
    result = await r(livy, "h <- function(q) sql(q)\nh('select nosuch')")
    assert result.ename == "AnalysisException"
    assert "UNRESOLVED_COLUMN" in result.evalue
    assert list(result.traceback)[-2:] == ['1. h("select nosuch")', "2. sql(q) at line 1"]
    assert "\tat " not in "".join(result.traceback)


async def test_a_plot_and_a_data_frame_are_rich(livy: Livy) -> None:
    statement = await livy.execute("cat('first\\n')\nplot(1:3)", Kind.SPARKR)
    result = await livy.result(statement)
    assert result.data["image/png"].startswith("iVBOR")
    (shown,) = livy.of(Display, statement)
    assert "image/png" in shown.data
    result = await r(livy, "data.frame(a = 1:2)")
    assert result.data["text/plain"] == "  a\n1 1\n2 2"
    assert "<table" in result.data["text/html"]


async def test_views_are_shared_with_the_other_languages(livy: Livy) -> None:
    await livy.run("spark.range(3).createOrReplaceTempView('from_python')")
    assert await value(livy, "count(sql('select * from from_python'))") == 3
    await r(livy, "createOrReplaceTempView(createDataFrame(data.frame(a = 1:4)), 'from_r')")
    assert (await livy.run("spark.table('from_r').count()")).data["text/plain"] == "4"
    counted = await livy.run("select count(*) from from_r", Kind.SQL)
    assert counted.data["application/json"]["data"] == [[4]]
    scala = await livy.run('spark.table("from_r").count()', Kind.SPARK)
    assert scala.data["text/plain"].endswith("Long = 4")
    await livy.run("create or replace temp view from_sql as select * from range(5)", Kind.SQL)
    await livy.run('spark.range(6).createOrReplaceTempView("from_scala")', Kind.SPARK)
    for view, rows in (("from_sql", 5), ("from_scala", 6)):
        assert await value(livy, f"count(sql('select * from {view}'))") == rows


async def test_the_package_is_found_as_sparks_own(livy: Livy) -> None:
    code = (
        "rm(list = ls()); library(SparkR); sparkR.session()\n"
        "c(class(SparkR::sql('select 1')), class(spark), class(sc), ls(),\n"
        "SparkR:::callJMethod(spark, 'version'))"
    )
    assert await value(livy, code) == ["SparkDataFrame", "jobj", "jobj", "4.3.0"]


async def test_what_is_masked_still_works_without_spark(livy: Livy) -> None:
    code = """
f <- function(data, least) nrow(subset(data, mpg > least))
stopifnot(f(mtcars, 20) == 14, sd(c(1, 3)) == sqrt(2), identical(union(1:2, 2:3), 1:3),
  length(filter(1:5, rep(1, 3))) == 5, nrow(rbind(mtcars, mtcars)) == 64, ncol(mtcars) == 11,
  "a" %in% letters, nchar("abc") == 3, substr("abc", 2, 3) == "bc", ifelse(TRUE, 1, 2) == 1,
  identical(drop(matrix(1:3, 1)), 1:3), rank(c(5, 1))[1] == 2, identical(rev(1:2), 2:1),
  mean(c(1, 3)) == 2, length(sample(3)) == 3, identical(intersect(1:3, 2:5), 2:3))
"fine"
"""
    assert (await r(livy, code)).data == {"text/plain": '[1] "fine"'}


TYPES = """
local <- data.frame(i = c(1L, NA), d = c(0.1, NaN), e = c(NA, 1e-300),
  s = c("é\\x1f\\x1c1\\n'", NA),
  l = c(TRUE, NA), day = as.Date(c("1960-02-29", NA)),
  at = as.POSIXct(c("2020-01-02 03:04:05.25", NA)), stringsAsFactors = FALSE)
local$many <- list(c(1, 2), NULL)
local$raw <- list(as.raw(c(0, 255)), NULL)
back <- collect(createDataFrame(local))
"""


async def test_values_survive_the_way_to_spark_and_back(livy: Livy) -> None:
    code = (
        TYPES + "same <- vapply(c('i', 'd', 'e', 's', 'l', 'day'), "
        "function(n) identical(back[[n]], local[[n]]), NA)\n"
        "stopifnot(all(same), is.nan(back$d[2]), is.na(back$e[1]), !is.nan(back$e[1]),\n"
        "  abs(as.numeric(back$at[1] - local$at[1])) < 1e-5, is.na(back$at[2]),\n"
        "  identical(back$many, list(list(1, 2), NULL)), identical(back$raw, local$raw),\n"
        "  identical(coltypes(createDataFrame(local))[1:2], c('integer', 'numeric')))\n'fine'"
    )
    result = await r(livy, code)
    assert result.data == {"text/plain": '[1] "fine"'}, result.evalue


async def test_every_type_of_spark_has_one_in_r(livy: Livy) -> None:
    code = """
row <- collect(sql("select cast(2.5 as decimal(10,2)) d, array(1, null) a, map('k', 1) m,
  struct(1 x, date'2020-01-01' y) s, X'01ff' b, null v, 123456789012L l, float(0.5) f,
  interval 1 day i, timestamp'2020-01-01 00:00:00.5' t, 'twice' twice, 2 twice"))
stopifnot(row$d == 2.5, identical(row$a[[1]], list(1L, NULL)), row$m[[1]]$k == 1L,
  row$s[[1]]$y == as.Date("2020-01-01"), identical(row$b[[1]], as.raw(c(1, 255))), is.na(row$v),
  row$l == 123456789012, row$f == 0.5, row$i == "INTERVAL '1' DAY",
  format(row$t, "%H:%M:%OS1") == "00:00:00.5", row[[11]] == "twice", row[[12]] == 2L)
none <- collect(sql("select 1 a, 'x' b where false"))
stopifnot(nrow(none) == 0, is.integer(none$a), is.character(none$b))
"fine"
"""
    result = await r(livy, code)
    assert result.data == {"text/plain": '[1] "fine"'}, result.evalue


async def test_many_rows_do_not_take_minutes(livy: Livy) -> None:
    code = (
        'rows <- collect(sql("select id, id * 0.1 d, cast(id as string) s, id % 2 = 0 b, '
        "date'2020-01-01' e from range(100000)\"))\n"
        "there <- createDataFrame(rows)\n"
        "c(nrow(rows), rows$d[100000] == 9999.9, identical(collect(there)$d, rows$d))"
    )
    before = time.monotonic()
    assert await value(livy, code) == [100000, 1, 1]
    assert time.monotonic() - before < 60


CARS = "df <- createDataFrame(mtcars[1:8, c('mpg', 'cyl', 'gear')])\n"
VERBS = {
    "select": ("names(select(df, df$mpg, 'cyl', alias(df$gear * 2, 'g')))", ["mpg", "cyl", "g"]),
    "selectExpr": ("names(selectExpr(df, 'mpg + 1 as m', 'cyl'))", ["m", "cyl"]),
    "filter": ("count(filter(df, df$mpg > 21 & df$cyl != 6 | df$mpg == 21))", 4),
    "where-text": ("count(where(df, 'cyl = 6'))", 4),
    "brackets": ("dim(df[df$cyl == 6, c('mpg', 'gear')])", [4, 2]),
    "bracket": ("names(df[c(1, 3)])", ["mpg", "gear"]),
    "subset": ("n <- 6; dim(subset(df, cyl == n, select = 'mpg'))", [4, 1]),
    "withColumn": ("df$x <- df$mpg * 2; df$y <- 1; df$y <- NULL; names(df)[4]", "x"),
    "mutate": ("names(mutate(df, twice = df$mpg * 2))[4]", "twice"),
    "transform": ("names(transform(df, twice = mpg * 2))[4]", "twice"),
    "rename": ("names(rename(df, miles = df$mpg))[1]", "miles"),
    "withColumnRenamed": ("names(withColumnRenamed(df, 'mpg', 'm'))[1]", "m"),
    "names<-": ("names(df) <- c('a', 'b', 'c'); columns(df)", ["a", "b", "c"]),
    "drop": ("names(drop(df, 'cyl'))", ["mpg", "gear"]),
    "distinct": ("count(distinct(select(df, 'cyl')))", 3),
    "dropDuplicates": ("count(dropDuplicates(df, 'cyl'))", 3),
    "arrange": ("head(arrange(df, desc(df$mpg)), 2)$mpg", [24.4, 22.8]),
    "arrange-down": ("head(arrange(df, 'cyl', 'mpg', decreasing = c(TRUE, FALSE)), 1)$mpg", 14.3),
    "limit": ("nrow(limit(df, 3))", 3),
    "first": ("first(arrange(df, 'mpg'))$mpg", 14.3),
    "take": ("nrow(take(df, 2))", 2),
    "sample": ("count(sample(df, FALSE, 1.0, 1)) + count(sample_frac(df, FALSE, 0))", 8),
    "randomSplit": ("sum(vapply(randomSplit(df, c(1, 3), 7), count, 0))", 8),
    "union": ("count(union(df, df)) + count(rbind(df, df, df))", 40),
    "unionByName": ("count(unionByName(df, select(df, 'gear', 'cyl', 'mpg')))", 16),
    "intersect": ("count(intersect(df, filter(df, df$cyl == 4)))", 2),
    "except": ("count(except(df, filter(df, df$cyl == 4)))", 5),
    "crossJoin": ("count(crossJoin(df, select(df, alias(df$mpg, 'other'))))", 64),
    "join": (
        "b <- createDataFrame(data.frame(k = c(4, 6), w = c('four', 'six')))\n"
        "c(count(join(df, b, df$cyl == b$k)), count(join(df, b, df$cyl == b$k, 'left_outer')))",
        [6, 8],
    ),
    "merge": (
        "b <- createDataFrame(data.frame(cyl = c(4, 6), w = c('four', 'six')))\n"
        "names(merge(df, b))",
        ["mpg", "cyl_x", "gear", "cyl_y", "w"],
    ),
    "agg": (
        "g <- arrange(agg(groupBy(df, 'cyl'), total = sum(df$mpg), gear = 'max'), 'cyl')\n"
        "list(names(g), collect(g)$total)",
        [["cyl", "total", "max(gear)"], [47.2, 81.5, 33.0]],
    ),
    "agg-all": ("collect(agg(df, n = n(df$mpg), k = countDistinct(df$cyl)))$k", 3),
    "grouped": ("collect(arrange(sum(groupBy(df, df$cyl), 'mpg'), 'cyl'))[[2]][1]", 47.2),
    "count-grouped": ("collect(arrange(count(groupBy(df, 'cyl')), 'cyl'))$count", [2, 4, 2]),
    "pivot": ("names(sum(pivot(groupBy(df, 'cyl'), 'gear', list(3)), 'mpg'))", ["cyl", "3.0"]),
    "cube": ("count(agg(cube(df, 'cyl', 'gear'), sum(df$mpg)))", 10),
    "rollup": ("count(agg(rollup(df, 'cyl', 'gear'), sum(df$mpg)))", 8),
    "crosstab": ("sort(names(crosstab(df, 'cyl', 'gear')))", ["3.0", "4.0", "cyl_gear"]),
    "dropna": (
        "a <- createDataFrame(data.frame(x = c(1, NA, NA), y = c(1, 2, NA)))\n"
        "c(count(dropna(a)), count(na.omit(a, how = 'all')), count(dropna(a, cols = 'y')))",
        [1, 2, 2],
    ),
    "fillna": (
        "a <- createDataFrame(data.frame(x = c(1, NA), s = c(NA, 'b')))\n"
        "c(collect(fillna(a, 0))$x[2], collect(fillna(a, list(s = 'z', x = 5)))$s[1])",
        ["0", "z"],
    ),
    "describe": ("collect(describe(df, 'cyl'))$cyl[1]", "8"),
    "summary": ("collect(summary(df, 'count', 'max'))$mpg", ["8", "24.4"]),
    "quantile": ("approxQuantile(df, 'cyl', c(0.5), 0)", [6]),
    "corr": ("round(corr(df, 'mpg', 'cyl'), 1) + round(cov(df, 'mpg', 'cyl'))", -4.9),
    "persist": ("storageLevel(persist(df, 'MEMORY_ONLY')); unpersist(df); count(cache(df))", 8),
    "repartition": (
        "c(getNumPartitions(repartition(df, 3)), getNumPartitions(repartition(df, 3, df$cyl)), "
        "getNumPartitions(coalesce(repartition(df, 3), 1)))",
        [3, 3, 1],
    ),
    "with": ("with(df, class(mpg))[1]", "Column"),
    "toJSON": ("collect(toJSON(limit(select(df, 'cyl'), 1)))[[1]]", '{"cyl":6.0}'),
    "dtypes": ("dtypes(df)[[1]]", ["mpg", "double"]),
    "when": (
        "collect(select(df, alias(otherwise(when(df$cyl > 6, 'big'), 'small'), 'w')))$w[5]",
        "big",
    ),
    "ifelse": ("collect(select(df, alias(ifelse(df$cyl > 6, 1, 0), 'w')))$w[5]", 1),
    "in": ("count(filter(df, df$cyl %in% c(4, 8)))", 4),
    "between": ("count(filter(df, between(df$mpg, c(18, 21))))", 4),
    "is.na": ("count(filter(df, isNull(df$cyl) | is.na(df$cyl) | !isNotNull(df$cyl)))", 0),
    "like": ("collect(select(df, alias(like(lit('abc'), 'a%'), 'l')))$l[1]", True),
    "cast": ("dtypes(select(df, cast(df$cyl, 'integer')))[[1]][2]", "int"),
    "date": (
        "d <- createDataFrame(data.frame(d = as.Date('2020-01-01')))\n"
        "count(filter(d, as.Date('2019-01-01') < d$d & d$d < as.Date('2021-01-01')))",
        1,
    ),
    "window": (
        "w <- orderBy(windowPartitionBy('cyl'), desc('mpg'))\n"
        "o <- select(df, df$cyl, alias(over(row_number(), w), 'r'), "
        "alias(over(lag('mpg'), w), 'p'), alias(over(sum(df$mpg), rowsBetween(w, -1, 0)), 's'))\n"
        "collect(arrange(o, 'cyl', 'r'))$s[1:2]",
        [24.4, 47.2],
    ),
    "lambda": (
        "a <- sql('select array(1, 2, 3) a')\n"
        "collect(select(a, alias(array_aggregate(a$a, lit(0L), function(x, y) x + y), 's'),\n"
        "  alias(size(array_filter(a$a, function(x) x > 1)), 'n')))$n",
        2,
    ),
    "functions": (
        "collect(select(limit(df, 1), concat_ws('-', lit('a'), lit('b')), "
        "date_add(to_date(lit('2020-01-30')), 3), round(sqrt(lit(2)), 2), upper(lit('x')), "
        "lpad(lit('7'), 3, '0'), abs(lit(-1L)), log(lit(1)), format_number(lit(2.5), 1),"
        "regexp_extract(lit('a1'), '([0-9])', 1))) |> unlist() |> unname()",
        ["a-b", "18294", "1.41", "X", "007", "1", "0", "2.5", "1"],
    ),
    "write": (
        "p <- file.path(tempdir(), 'out'); write.json(df, p, mode = 'overwrite')\n"
        "write.df(df, paste0(p, '.csv'), 'csv', mode = 'overwrite', header = TRUE)\n"
        "write.parquet(df, paste0(p, '.parquet'))\n"
        "c(count(read.json(p)), count(read.parquet(paste0(p, '.parquet'))),\n"
        "  count(read.df(paste0(p, '.csv'), 'csv', header = 'true', inferSchema = 'true')))",
        [8, 8, 8],
    ),
    "table": (
        "sql('drop table if exists r_cars'); saveAsTable(df, 'r_cars'); insertInto(df, 'r_cars')\n"
        "n <- count(tableToDF('r_cars')); sql('drop table r_cars'); n",
        16,
    ),
    "views": (
        "createOrReplaceTempView(df, 'r_view')\n"
        "c('r_view' %in% tableNames(), dropTempView('r_view'))",
        [True, True],
    ),
    "conf": ("sparkR.conf('no.such', '7')$no.such", "7"),
    "files": (
        "p <- file.path(tempdir(), 'files')\n"
        "words <- select(df, alias(cast(df$cyl, 'string'), 'w'))\n"
        "write.text(words, paste0(p, '.txt')); write.orc(df, paste0(p, '.orc'))\n"
        "c(count(read.text(paste0(p, '.txt'))), count(read.orc(paste0(p, '.orc'))))",
        [8, 8],
    ),
    "jdbc": (
        "u <- 'jdbc:derby:memory:r;create=true'; write.jdbc(select(df, 'cyl', 'gear'), u, 'cars')\n"
        "back <- read.jdbc(u, 'cars'); c(count(back), ncol(back))",
        [8, 2],
    ),
    "tables": (
        "createOrReplaceTempView(df, 'r_listed'); 'r_listed' %in% collect(tables())$tableName",
        True,
    ),
    "schema": (
        "c(capture.output(printSchema(df))[2],\n"
        "  vapply(schema(df)$fields(), function(f) f$name(), ''))",
        [" |-- mpg: double (nullable = true)", "mpg", "cyl", "gear"],
    ),
    "explain": ("any(grepl('Physical Plan', capture.output(explain(df))))", True),
    "withColumn-new": ("names(withColumn(df, 'x', df$mpg * 2))[4]", "x"),
    "as.DataFrame": ("count(as.DataFrame(mtcars)) + count(as.DataFrame(df))", 40),
    "orderBy": ("head(orderBy(df, asc(df$mpg)), 1)$mpg", 14.3),
    "arithmetic": (
        "x <- df$cyl; some <- select(df, x + 1, x - 1, x * 2, x / 2, x %% 4, x ^ 2, -x)\n"
        "collect(limit(some, 1)) |> unlist() |> unname()",
        [7, 5, 12, 3, 2, 36, -6],
    ),
    "comparison": (
        "x <- df$cyl; c(count(df[x > 6, ]), count(df[x >= 6, ]), count(df[x < 6, ]),\n"
        "  count(df[x <= 6, ]), count(df[x == 6, ]), count(df[x != 6, ]), count(df[!(x == 6), ]))",
        [2, 6, 2, 6, 4, 4, 4],
    ),
}  # fmt: skip


@pytest.mark.parametrize("verb", VERBS)
async def test_sparkr_verb(livy: Livy, verb: str) -> None:
    code, expected = VERBS[verb]
    found = await value(livy, CARS + code)
    assert found == (pytest.approx(expected) if isinstance(expected, float) else expected)


async def test_frames_are_shown_as_in_sparkr(livy: Livy) -> None:
    result = await r(livy, CARS + "limit(df, 1)")
    assert result.data["text/plain"] == "SparkDataFrame[mpg:double, cyl:double, gear:double]"
    statement = await livy.execute("showDF(select(df, 'cyl'), 1)\nstr(df)", Kind.SPARKR)
    await livy.result(statement, SLOW)
    assert "|6.0|" in livy.text(statement)
    assert "'SparkDataFrame': 3 variables:\n $ mpg : num 21" in livy.text(statement)


@pytest.mark.parametrize("name", ["dapply", "gapply", "spark.lapply", "spark.glm", "read.stream"])
async def test_what_is_not_there_names_itself(livy: Livy, name: str) -> None:
    result = await r(livy, f"{name}(1, 2)")
    assert result.status == "error"
    assert result.evalue.startswith(f"{name} is not in Hopyard's own SparkR package.")


async def test_what_sparkmagic_sends_prints_json(livy: Livy) -> None:
    from sparkmagic.livyclientlib.sparkstorecommand import SparkStoreCommand
    from sparkmagic.livyclientlib.sqlquery import SQLQuery

    query = "SELECT id AS n, 'x' AS s, CAST(NULL AS INT) AS e FROM range(3)"
    commands = [
        SQLQuery(query, "take", 2, 0.1).to_command("sparkr", "spark").code,
        SQLQuery(query, "sample", -1, 1.0).to_command("sparkr", "spark").code,
        SparkStoreCommand("kept", "take", 2, 0.1).to_command("sparkr", "kept").code,
    ]
    await r(livy, f'kept <- sql("{query}")')
    for command, rows in zip(commands, (2, 3, 2), strict=True):
        statement = await livy.execute(command, Kind.SPARKR)
        result = await livy.result(statement, SLOW)
        assert result.status == "ok", result.evalue
        assert json.loads(livy.text(statement)) == [{"n": i, "s": "x"} for i in range(rows)]


async def test_completion_and_inspection(livy: Livy) -> None:
    await r(livy, CARS)
    for request, code, wanted in (("a", "createData", "createDataFrame"), ("b", "df$m", "df$mpg")):
        await livy.send(Complete(request=request, kind=Kind.SPARKR, code=code, cursor=len(code)))
        answer = await livy.wait(lambda m, id=request: isinstance(m, Answer) and m.request == id)
        assert wanted in answer.content["matches"]
    await livy.send(Inspect(request="i", kind=Kind.SPARKR, code="createDataFrame", cursor=5))
    answer = await livy.wait(lambda m: isinstance(m, Answer) and m.request == "i")
    assert answer.content["found"]


JOB = "collect(sql('select sum(id % 7) from range(0, 10000000000000)'))"


@pytest.mark.parametrize(
    "code", ["while (TRUE) {}", "Sys.sleep(60)", JOB, "system('sleep 60')"],
    ids=["loop", "sleep", "job", "command"],
)  # fmt: skip
async def test_cancel_stops_within_a_second(livy: Livy, code: str) -> None:
    await r(livy, "kept <- 42")
    statement = await livy.execute(f"cat('begun\\n')\n{code}", Kind.SPARKR)
    await livy.said(statement, "begun")
    await asyncio.sleep(1.0)  # let the job run
    before = time.monotonic()
    await livy.send(Cancel(statement=statement))
    result = await livy.result(statement)
    assert result.status == "cancelled" or "system" in code
    assert time.monotonic() - before < 4.0
    assert await value(livy, "c(kept, count(sql('select 1')))") == [42, 1]
    active = await livy.run("list(sc.statusTracker().getActiveJobsIds())")
    assert active.data["text/plain"] == "[]"


async def test_a_dead_r_is_replaced_on_the_same_application(livy: Livy) -> None:
    await r(livy, "gone <- 1")
    result = await r(livy, "tools::pskill(Sys.getpid(), 9)")
    assert (result.status, result.ename) == ("error", "InterpreterDied")
    assert (await r(livy, "gone")).evalue == "object 'gone' not found"
    assert await value(livy, "count(sql('select 1'))") == 1


async def test_secrets_of_r_are_nowhere_to_be_read(driver: Driver) -> None:
    names = await value(driver.livy, "grep('SECRET|GATEWAY|BACKEND', names(Sys.getenv()))")
    assert names == []
    kernel = driver.child("IRkernel::main()")
    assert not any("SECRET" in name for name in kernel.environ())


async def test_without_r_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hopyard.driver.interpreters.base import CannotStart
    from hopyard.driver.interpreters.r import RInterpreter
    from hopyard.driver.workspace import Workspace
    from hopyard.mask import Mask

    class NoSpark:
        environment = {"PATH": str(tmp_path)}  # noqa: RUF012
        mask = Mask()

    with pytest.raises(CannotStart, match=r"R is not installed: .*r-cran-irkernel"):
        workspace = Workspace(NoSpark(), 1)  # type: ignore[arg-type]
        await RInterpreter(workspace, str(tmp_path)).start()


async def test_a_value_that_nobody_expects_ends_its_own_statement_only(livy: Livy) -> None:
    for number in [await livy.execute(code, Kind.SPARKR) for code in odd.R]:
        result = await livy.result(number)
        assert result.status in ("ok", "error")
    after = await livy.run("6 * 7", Kind.SPARKR)
    assert after.status == "ok"


LATE = """\
system("(while [ ! -e {go} ]; do sleep 0.02; done; echo late)", wait = FALSE)
"""


async def test_what_is_printed_late_belongs_to_the_last_statement(
    livy: Livy, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    number = await livy.execute(LATE.format(go=go), Kind.SPARKR)
    ended = await livy.result(number)
    go.touch()
    await livy.said(number, "late")
    assert all(one.seq > ended.seq for one in livy.of(Stream, number))
