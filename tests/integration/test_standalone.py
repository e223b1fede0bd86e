"""Sessions and batches on a real Spark standalone cluster."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.livy import Livy, temp_livy, until, write_resources
from tests.integration.standalone import Cluster, temp_cluster

END = 120.0
WHERE = (
    "def where(_):\n    import os\n    return os.getcwd()\n"
    "', '.join(sorted(set(sc.parallelize(range(4), 4).map(where).collect())))"
)
BATCH = """
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
print("sum", spark.sparkContext.parallelize(range(10), 2).sum(), spark.sparkContext.master)
"""
SMALL = {"executorMemory": "512m", "executorCores": 1, "conf": {"spark.cores.max": 1}}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with temp_cluster(tmp_path_factory.mktemp("standalone")) as running:
        yield running


@pytest.fixture(scope="module")
def livy(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Livy]:
    with temp_livy(
        tmp_path_factory.mktemp("livy-standalone"),
        HOPYARD_SPARK_MASTER=cluster.master,
        HOPYARD_SPARK_CONF=json.dumps(cluster.conf),
        HOPYARD_LIVY__IMPERSONATORS='["*"]',
    ) as server:
        yield server


def active(cluster: Cluster) -> list[str]:
    return [one["id"] for one in cluster.state()["activeapps"]]


def test_session_works_on_an_executor_and_survives_its_kill(livy: Livy, cluster: Cluster) -> None:
    session = livy.ready(**SMALL)
    app = livy.session(session)["appId"]
    assert active(cluster) == [app]
    asked = cluster.state()["activeapps"][0]
    assert (asked["cores"], asked["memoryperexecutor"]) == (1, 512)
    work = str(cluster.worker.cwd()) + f"/work/{app}"
    assert livy.run(session, WHERE)["data"]["text/plain"] == f"'{work}/0'"
    assert livy.run(session, "sc.master")["data"]["text/plain"] == f"'{cluster.master}'"
    assert livy.run(session, "sc.getConf().get('spark.driver.host')")["data"]["text/plain"] == (
        "'127.0.0.1'"
    )
    for executor in cluster.executors():
        executor.kill()
    output = livy.run(session, WHERE)
    assert output["status"] == "ok", output
    assert output["data"]["text/plain"] == f"'{work}/1'"
    assert livy.session(session)["state"] == "idle"
    livy.http.delete(f"/sessions/{session}")
    until(lambda: not active(cluster), END, "the application is gone from the master")
    until(lambda: not cluster.executors(), END, "its executors are gone")


EVERYTHING = """
import json
from pyspark import SparkFiles
def there(_):
    import module_one, package_two
    leaf = open(SparkFiles.get('tree') + '/leaf.txt').read()
    return [module_one.value, package_two.value, open(SparkFiles.get('words.txt')).read(), leaf]
conf = {key: sc.getConf().get(key) for key in WANTED}
jvm = sc._jvm
hello = jvm.Thread.currentThread().getContextClassLoader().getResource('hello.txt') is not None
user = jvm.org.apache.hadoop.security.UserGroupInformation.getCurrentUser().getShortUserName()
print(json.dumps({
    'conf': conf,
    'there': sc.parallelize([1], 1).map(there).collect(),
    'hello': hello,
    'users': [sc.sparkUser(), user],
    'heap': jvm.Runtime.getRuntime().maxMemory() // 1_000_000,
}))
"""


def test_all_that_is_asked_for_is_the_clusters(livy: Livy, cluster: Cluster) -> None:
    write_resources(livy.data / "projects" / "standalone" / "Resources")
    session = livy.ready(
        name="everything",
        proxyUser="bob",
        driverMemory="900m",
        driverCores=1,
        executorMemory="600m",
        executorCores=1,
        numExecutors=2,
        queue="night",
        conf={"spark.a.number": 7},
        jars=["Resources/library.jar"],
        pyFiles=["Resources/module_one.py", "Resources/package.zip"],
        files=["Resources/words.txt"],
        archives=["Resources/tree.zip#tree"],
    )
    wanted = {
        "spark.app.name": "everything",
        "spark.driver.memory": "900m",
        "spark.driver.cores": "1",
        "spark.executor.memory": "600m",
        "spark.executor.cores": "1",
        "spark.executor.instances": "2",
        "spark.yarn.queue": "night",
        "spark.a.number": "7",
    }
    output = livy.run(session, f"WANTED = {list(wanted)}\n{EVERYTHING}")
    assert output["status"] == "ok", output
    found = json.loads(output["data"]["text/plain"])
    assert found["conf"] == wanted
    leaf = "value = 'of an archive'\n"
    assert found["there"] == [["of a py-file", "of an archive", "of a file\n", leaf]]
    assert found["hello"]
    assert found["users"] == ["bob", "bob"]
    assert 800 < found["heap"] < 1000
    until(lambda: len(cluster.executors()) == 2, END, "there are as many executors as asked for")
    [asked] = cluster.state()["activeapps"]
    assert (asked["name"], asked["cores"], asked["memoryperexecutor"]) == ("everything", 2, 600)
    livy.http.delete(f"/sessions/{session}")
    until(lambda: not active(cluster), END, "the application is gone from the master")


def test_session_outlives_all_its_executors_and_says_so(livy: Livy, cluster: Cluster) -> None:
    session = livy.ready(**SMALL)
    assert livy.run(session, WHERE)["status"] == "ok"

    def said(words: str) -> bool:
        return any(words in line for line in livy.session(session)["log"][-1:])

    # While it is idle: what comes next waits, and the session says for what.
    cluster.lose_worker()
    until(lambda: said("All executors are gone"), END, "it is said")
    assert livy.session(session)["state"] == "idle"
    waits = livy.submit(session, WHERE)
    until(lambda: livy.statement(session, waits)["state"] == "running", END, "it runs")
    assert livy.session(session)["state"] == "busy"
    cluster.new_worker()
    assert livy.done(session, waits, END)["output"]["status"] == "ok"
    until(lambda: said("There are executors again"), END, "that is said too")

    # While a job runs: it can be cancelled though nothing runs it, and the next one goes on.
    code = "import time\nsc.parallelize(range(60), 60).map(lambda _: time.sleep(1)).count()"
    number = livy.submit(session, code)
    until(lambda: livy.statement(session, number)["progress"] > 0, END, "it has begun")
    cluster.lose_worker()
    until(lambda: said("All executors are gone"), END, "it is said")
    shown = livy.http.get(f"/sessions/{session}/statements/{number}/text").text
    assert livy.statement(session, number)["state"] == "running", shown
    livy.http.post(f"/sessions/{session}/statements/{number}/cancel")
    assert livy.done(session, number, END)["state"] == "cancelled"
    cluster.new_worker()
    assert livy.run(session, WHERE)["status"] == "ok"
    livy.http.delete(f"/sessions/{session}")
    until(lambda: not active(cluster), END, "the application is gone from the master")


def test_scala_of_two_sessions_runs_on_one_executor(livy: Livy, cluster: Cluster) -> None:
    shared = {**SMALL, "conf": {**SMALL["conf"], "hopyard.session.share": "scala"}}
    made = [livy.create(kind="spark", **shared) for _ in range(2)]
    code = "case class P({0})\nval p = {1}"
    for session, fields, value in zip(
        made, ("a: Int", "b: String, c: Int"), ("P(1)", 'P("z", 2)'), strict=True
    ):
        livy.ready_again(session)
        assert livy.run(session, code.format(fields, value))["status"] == "ok"
    for _ in range(2):  # executors keep the classes that they loaded
        for session, found in zip(made, ("P(1)", "P(z,2)"), strict=True):
            output = livy.run(session, "sc.parallelize(1 to 1, 1).map(_ => p.copy()).first()")
            assert output["data"]["text/plain"].endswith(f"P = {found}"), output
    assert len(cluster.executors()) == 1
    for session in made:
        livy.http.delete(f"/sessions/{session}")
    until(lambda: not cluster.executors(), END, "its executor is gone")


def test_application_that_the_cluster_ended_is_not_idle(livy: Livy, cluster: Cluster) -> None:
    session = livy.ready(executorMemory="512m", numExecutors=2)
    app = livy.session(session)["appId"]
    until(lambda: len(cluster.executors()) == 2, END, "there are as many executors as asked for")
    cluster.kill(app)
    until(lambda: livy.session(session)["state"] == "dead", END, "it is seen to be over")
    why = livy.session(session)["log"][-1]
    assert "the cluster ended the application" in why
    assert "KILLED" in why
    assert livy.http.post(f"/sessions/{session}/statements", json={"code": "1"}).status_code == 409


def test_batch_runs_on_the_cluster(livy: Livy, cluster: Cluster) -> None:
    resources = livy.data / "projects" / "standalone" / "Resources"
    resources.mkdir(parents=True, exist_ok=True)
    (resources / "sum.py").write_text(BATCH)
    number = livy.http.post("/batches", json={"file": "Resources/sum.py", **SMALL}).json()["id"]
    shown = until(
        lambda: (
            (one := livy.http.get(f"/batches/{number}").json())["state"] in ("success", "dead")
            and one
        ),
        END,
        "the batch has ended",
    )
    assert shown["state"] == "success", shown
    log = livy.http.get(f"/batches/{number}/log", params={"size": 10000}).json()["log"]
    assert f"sum 45 {cluster.master}" in log
    until(lambda: not active(cluster), END, "the application is gone from the master")
    done = {one["id"]: one["state"] for one in cluster.state()["completedapps"]}
    assert done[shown["appId"]] == "FINISHED"


def test_secret_of_the_cluster_is_in_no_command_line(livy: Livy, cluster: Cluster) -> None:
    session = livy.create(**SMALL)
    processes = until(lambda: livy.drivers(session), END, "the driver runs")
    secret = cluster.conf["spark.authenticate.secret"]
    assert not any(secret in word for one in processes for word in one.cmdline())
    livy.http.delete(f"/sessions/{session}")


@pytest.mark.parametrize("master", ["yarn", "k8s://https://127.0.0.1:6443", "mesos://a:1"])
def test_masters_that_come_later_are_refused(tmp_path: Path, master: str) -> None:
    tried = subprocess.run(
        [sys.executable, "-m", "hopyard.cli", "livy", "--port", "0"],
        env={"HOPYARD_DATA_DIR": str(tmp_path), "HOPYARD_SPARK_MASTER": master, "PATH": "/usr/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert tried.returncode == 1
    assert "use local[*], local[N] or spark://HOST:PORT" in " ".join(tried.stderr.split())
