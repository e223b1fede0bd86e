"""Batches on a real Livy server: Python and jar applications from submission to their end."""

from __future__ import annotations

import shutil
import stat
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pyspark
import pytest

from tests.integration.livy import Livy, temp_livy, until, words_of

END = 120.0
Json = dict[str, Any]

WAITS = """
import sys, time, pathlib
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
print("rows", spark.range(10).count(), "args", sys.argv[1:], "name", spark.sparkContext.appName)
print("user", spark.sparkContext.sparkUser(), "conf", spark.conf.get("spark.a.b"), flush=True)
spark.range(2).write.csv("/project/Resources/written")
while not pathlib.Path("/project/Jupyter/go").exists():
    time.sleep(0.05)
print("the end", flush=True)
"""
FAILS = """
import time
print("no Spark here", flush=True)
raise SystemExit(3)
"""
RAISES = """
from pyspark.sql import SparkSession
SparkSession.builder.getOrCreate().sql("SELECT nothing FROM nowhere")
"""
SHORT = """
from pyspark.sql import SparkSession
SparkSession.builder.config("spark.ui.enabled", "false").getOrCreate().stop()
"""
IN_R = """
args <- commandArgs(trailingOnly = TRUE)
spark_session <- sparkR.session(spark.sql.shuffle.partitions = 3)
frame <- createDataFrame(data.frame(a = 1:as.integer(args[1]), b = "x"))
cat("R counted", count(filter(frame, frame$a > 2)), "\\n")
cat("partitions", sparkR.conf("spark.sql.shuffle.partitions")[[1]], "\\n")
cat("name", sparkR.conf("spark.app.name")[[1]], "median", median(c(1, 5, 9)), "\\n")
library(SparkR)
sparkR.session.stop()
if (args[2] == "fail") stop("on purpose")
"""
SLEEPS = "import time\nprint('asleep', flush=True)\ntime.sleep(600)\n"
COUNTS = """
package org.example
import org.apache.spark.sql.SparkSession
object Count {
  def main(args: Array[String]): Unit = {
    val spark = SparkSession.builder.getOrCreate()
    println("scala counted " + spark.range(args(0).toLong).count())
    spark.stop()
  }
}
"""


@pytest.fixture(scope="module")
def livy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Livy]:
    data = tmp_path_factory.mktemp("livy-batches")
    resources = data / "projects" / "standalone" / "Resources"
    resources.mkdir(parents=True)
    programs = {"waits": WAITS, "fails": FAILS, "raises": RAISES, "sleeps": SLEEPS, "short": SHORT}
    for name, code in programs.items():
        (resources / f"{name}.py").write_text(code)
    (resources / "counts.R").write_text(IN_R)
    with temp_livy(
        data, HOPYARD_LIVY__BATCHES_PER_USER="3", HOPYARD_SPARK_MASTER="local[2]"
    ) as server:
        yield server


def submit(livy: Livy, **body: Any) -> Json:
    answer = livy.http.post("/batches", json={"driverMemory": "512m", **body})
    assert answer.status_code == 201, answer.text
    shown: Json = answer.json()
    assert answer.headers["location"] == f"/batches/{shown['id']}"
    return shown


def batch(livy: Livy, number: int) -> Json:
    shown: Json = livy.http.get(f"/batches/{number}").json()
    return shown


def log(livy: Livy, number: int) -> str:
    answer = livy.http.get(f"/batches/{number}/log", params={"from": 0, "size": 10000}).json()
    return "\n".join(answer["log"])


def ended(livy: Livy, number: int) -> Json:
    def over() -> Json | None:
        shown = batch(livy, number)
        return shown if shown["state"] not in ("starting", "running") else None

    found: Json = until(over, END, f"batch {number} has ended")
    return found


def processes(livy: Livy, number: int) -> list[psutil.Process]:
    folder = str(livy.data / "run" / "batches" / str(number))
    found = []
    for process in psutil.process_iter():
        if folder in words_of(process):
            with suppress(psutil.NoSuchProcess):  # it ends while we look
                found += [process, *process.children(recursive=True)]
    return [one for one in set(found) if words_of(one)]


def test_python_batch_goes_on_without_the_server(livy: Livy) -> None:
    made = submit(
        livy, file="Resources/waits.py", name="mine", args=["a", 2], conf={"spark.a.b": 7}
    )
    number = made["id"]
    assert list(made)[:8] == [
        *("id", "name", "owner", "proxyUser", "state", "appId", "appInfo", "log")
    ]
    assert (made["state"], made["appId"], made["name"]) == ("starting", None, "mine")
    shown = until(
        lambda: (one := batch(livy, number))["state"] != "starting" and one, END, "it runs"
    )
    assert (shown["state"], shown["appId"][:6]) == ("running", "local-")
    assert batch(livy, "mine")["id"] == number  # type: ignore[arg-type]
    assert shown["appInfo"]["sparkUiUrl"] == f"{livy.url}/batches/{number}/ui/"
    page = livy.http.get(f"/batches/{number}/ui/jobs/")
    assert page.status_code == 200
    assert f"/batches/{number}/ui/static" in page.text
    running = processes(livy, number)
    assert not any("secretKey" in word for one in running for word in words_of(one))

    livy.kill()
    (livy.data / "projects" / "standalone" / "Jupyter" / "go").touch()
    until(lambda: not processes(livy, number), END, "it ended by itself")
    livy.start()
    shown = ended(livy, number)
    assert (shown["state"], shown["appInfo"]["sparkUiUrl"]) == ("success", None)
    text = log(livy, number)
    assert "rows 10 args ['a', '2'] name mine" in text
    assert "conf 7" in text
    assert text.count("the end") == 1
    written = livy.data / "projects" / "standalone" / "Resources" / "written"
    assert {stat.S_IMODE(one.stat().st_mode) for one in written.iterdir()} == {0o660}
    assert stat.S_IMODE(written.stat().st_mode) == 0o770
    own = livy.data / "run" / "batches" / str(number)
    until(lambda: not own.exists(), END, "its scratch files are gone")
    tail = livy.http.get(f"/batches/{number}/log", params={"size": 2}).json()
    assert tail["log"] == text.splitlines()[-2:]
    assert livy.http.delete(f"/batches/{number}").json() == {"msg": "deleted"}
    assert livy.http.get(f"/batches/{number}").status_code == 404


def test_failed_batch_is_dead_with_the_reason(livy: Livy) -> None:
    plain, spark = (submit(livy, file=f"Resources/{one}.py")["id"] for one in ("fails", "raises"))
    gone = {"file": "Resources/raises.py", "pyFiles": ["Resources/nowhere.py"]}
    missing = submit(livy, **gone)["id"]
    shown = ended(livy, missing)
    assert "nowhere.py does not exist" in shown["log"][-1]
    shown = ended(livy, plain)
    assert shown["state"] == "dead"
    assert "exit code 3" in shown["log"][-1]
    assert "no Spark here" in log(livy, plain)
    shown = ended(livy, spark)
    assert shown["state"] == "dead"
    assert "TABLE_OR_VIEW_NOT_FOUND" in shown["log"][-1] or "exit code 1" in shown["log"][-1]
    missing = submit(livy, file="Resources/nothing.py")["id"]
    shown = ended(livy, missing)
    assert shown["state"] == "dead"
    assert shown["appId"] is None  # there never was one
    assert livy.http.get(f"/batches/{missing}/state").json() == {"id": missing, "state": "dead"}


def test_limit_and_kill(livy: Livy) -> None:
    numbers = [submit(livy, file="/project/Resources/sleeps.py")["id"] for _ in range(3)]
    answer = livy.http.post("/batches", json={"file": "Resources/sleeps.py"})
    assert answer.status_code == 429
    assert answer.headers["retry-after"]
    until(lambda: "asleep" in log(livy, numbers[0]), END, "the first one runs")
    assert livy.http.post("/batches/", json={"file": "Resources/sleeps.py"}).status_code == 429
    listed = livy.http.get("/batches/", params={"from": 1, "size": 100}).json()
    assert listed["from"] == 1
    assert len(listed["sessions"]) == listed["total"] - 1
    assert {one["id"] for one in listed["sessions"]} >= set(numbers[1:])
    running = [one for number in numbers for one in processes(livy, number)]
    assert running
    for number in numbers:
        assert livy.http.delete(f"/batches/{number}").json() == {"msg": "deleted"}
        assert livy.http.get(f"/batches/{number}").status_code == 404
    until(lambda: not any(one.is_running() for one in running), END, "nothing is left")


def test_killed_process_is_dead(livy: Livy) -> None:
    number = submit(livy, file="Resources/sleeps.py")["id"]
    until(lambda: "asleep" in log(livy, number), END, "it runs")
    for one in processes(livy, number):
        with suppress(psutil.NoSuchProcess):  # one's end may be the end of the next
            one.kill()
    shown = ended(livy, number)
    assert shown["state"] == "dead"
    assert "SIGKILL" in shown["log"][-1]


def test_application_that_is_over_at_once_has_its_id(livy: Livy) -> None:
    shown = ended(livy, submit(livy, file="Resources/short.py")["id"])
    assert shown["state"] == "success"
    assert shown["appId"].startswith("local-")


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed")
def test_r_application(livy: Livy) -> None:
    good, bad = (
        submit(livy, file="Resources/counts.R", name=f"r-{end}", args=[5, end])["id"]
        for end in ("well", "fail")
    )
    shown = ended(livy, good)
    text = log(livy, good)
    assert shown["state"] == "success", text
    assert shown["appId"].startswith("local-")
    assert "R counted 3" in text
    assert "partitions 3" in text
    assert "name r-well median 5" in text
    shown = ended(livy, bad)
    assert shown["state"] == "dead"
    assert "exit code 1" in shown["log"][-1]
    assert "on purpose" in log(livy, bad)


@pytest.fixture(scope="module")
def jar(livy: Livy, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A jar, made by the Scala compiler that comes with Spark (no JDK is needed)."""
    source = tmp_path_factory.mktemp("jar") / "Count.scala"
    source.write_text(COUNTS)
    made = livy.data / "projects" / "standalone" / "Resources" / "count.jar"
    jars = str(Path(pyspark.__file__).parent / "jars" / "*")
    command = ["java", "-Xmx512m", "-XX:TieredStopAtLevel=1", "-cp", jars, "scala.tools.nsc.Main"]
    command += ["-usejavacp", "-d", str(made), str(source)]
    subprocess.run(command, check=True, timeout=180)
    return "Resources/count.jar"


def test_jar_batch(livy: Livy, jar: str) -> None:
    number = submit(livy, file=jar, className="org.example.Count", args=["1000"])["id"]
    wrong = submit(livy, file=jar, className="org.example.Nothing")["id"]
    assert ended(livy, number)["state"] == "success"
    assert "scala counted 1000" in log(livy, number)
    shown = ended(livy, wrong)
    assert shown["state"] == "dead"
    assert "org.example.Nothing" in shown["log"][-1]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "Rejected, Reason: requirement failed: File is required."),
        ({"file": ""}, ".py, .jar, .r"),
        ({"file": "Resources/a.txt"}, ".py, .jar, .r"),
        ({"file": "/etc/a.py"}, "cannot be added"),
        ({"file": "Resources/../../a.py"}, "cannot be added"),
        ({"file": "a.jar", "className": "--master"}, "name of a class"),
        ({"file": "a.py", "nosuch": 1}, 'Unrecognized field "nosuch"'),
        ({"file": "a.py", "kind": "pyspark"}, 'Unrecognized field "kind"'),
        ({"file": "a.py", "args": [[]]}, '"args.0"'),
        ({"file": "a.py", "jars": ["/etc/passwd"]}, "cannot be added"),
        ({"file": "a.py", "conf": {"spark.ui.filters": "x"}}, "spark.ui.filters"),
        ({"file": "a.py", "driverMemory": "lots"}, "512m or 2g"),
        ({"file": "a.py", "conf": {"spark.master": "yarn"}}, "cannot be used yet"),
    ],
)
def test_bad_batches_are_refused(livy: Livy, body: Json, words: str) -> None:
    answer = livy.http.post("/batches", json=body)
    assert answer.status_code == 400
    assert words in answer.json()["msg"]
    for path in ("/batches/99999", "/batches/x/state", "/batches/99999/log"):
        assert livy.http.get(path).status_code == 404
