"""What a session asks for takes effect: read back from Spark itself."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.livy import Livy, temp_livy, until, write_resources

END = 120.0


@pytest.fixture(scope="module")
def livy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Livy]:
    data = tmp_path_factory.mktemp("livy-properties")
    write_resources(data / "projects" / "standalone" / "Resources")
    with temp_livy(
        data, HOPYARD_SPARK_MASTER="local[2]", HOPYARD_LIVY__IMPERSONATORS='["*"]'
    ) as server:
        yield server


@pytest.fixture(scope="module")
def session(livy: Livy) -> int:
    return livy.ready(
        name="everything",
        proxyUser="bob",
        driverMemory="900m",
        driverCores=2,
        executorMemory="1100m",
        executorCores=3,
        numExecutors=4,
        queue="night",
        conf={"spark.a.number": 7, "spark.a.flag": True, "spark.sql.shuffle.partitions": 5},
        jars=["Resources/library.jar"],
        pyFiles=["Resources/module_one.py", "/project/Resources/package.zip"],
        files=["file:///project/Resources/words.txt"],
        archives=["Resources/tree.zip#tree"],
    )


def value(livy: Livy, session: int, code: str) -> Any:
    output = livy.run(session, code)
    assert output["status"] == "ok", output
    return ast.literal_eval(output["data"]["text/plain"])


def test_properties_are_sparks(livy: Livy, session: int) -> None:
    wanted = {
        "spark.app.name": "everything",
        "spark.driver.memory": "900m",
        "spark.driver.cores": "2",
        "spark.executor.memory": "1100m",
        "spark.executor.cores": "3",
        "spark.executor.instances": "4",
        "spark.yarn.queue": "night",
        "spark.a.number": "7",
        "spark.a.flag": "true",
        "spark.sql.shuffle.partitions": "5",
    }
    code = f"{{k: spark.sparkContext.getConf().get(k) for k in {list(wanted)}}}"
    assert value(livy, session, code) == wanted
    code = "sc._jvm.Runtime.getRuntime().maxMemory() // 1_000_000"
    assert 800 < value(livy, session, code) < 1000


def test_proxy_user_is_whom_spark_sees(livy: Livy, session: int) -> None:
    assert livy.session(session)["proxyUser"] == "bob"
    hadoop = "sc._jvm.org.apache.hadoop.security.UserGroupInformation"
    code = f"sc.sparkUser(), {hadoop}.getCurrentUser().getShortUserName()"
    assert value(livy, session, code) == ("bob", "bob")


def test_jars_are_listed_and_on_the_class_path(livy: Livy, session: int) -> None:
    listed = value(livy, session, "sc._jsc.sc().listJars().mkString(' ')")
    assert "library.jar" in listed
    code = (
        "loader = sc._jvm.Thread.currentThread().getContextClassLoader()\n"
        "loader.getResource('hello.txt') is not None"
    )
    assert value(livy, session, code) is True


def test_files_are_there_for_tasks(livy: Livy, session: int) -> None:
    assert "words.txt" in value(livy, session, "' '.join(sc.listFiles)")
    code = (
        "from pyspark import SparkFiles\n"
        "def read(_):\n"
        "    words = open(SparkFiles.get('words.txt')).read().strip()\n"
        "    return words, open(SparkFiles.get('tree') + '/leaf.txt').read().strip()\n"
        "sc.parallelize([1], 1).map(read).collect()"
    )
    assert value(livy, session, code) == [("of a file", "value = 'of an archive'")]
    assert "tree.zip" in value(livy, session, "' '.join(sc.listArchives)")
    here = "from pyspark import SparkFiles\nopen(SparkFiles.get('words.txt')).read()"
    assert value(livy, session, here) == "of a file\n"


def test_py_files_can_be_imported_here_and_in_tasks(livy: Livy, session: int) -> None:
    code = "import module_one, package_two\nmodule_one.value, package_two.value"
    assert value(livy, session, code) == ("of a py-file", "of an archive")
    code = (
        "def load(_):\n"
        "    import module_one, package_two\n"
        "    return module_one.value + ', ' + package_two.value\n"
        "sc.parallelize([1], 1).map(load).collect()"
    )
    assert value(livy, session, code) == ["of a py-file, of an archive"]


def test_an_allocation_too_much_is_said_and_the_session_goes_on(livy: Livy, session: int) -> None:
    code = "spark.sql(\"SELECT length(repeat('x', 2000000000)) FROM range(1)\").collect()"
    output = livy.run(session, code)
    assert output["status"] == "error"
    assert "OutOfMemoryError" in output["evalue"]
    assert livy.session(session)["state"] == "idle"
    assert value(livy, session, "spark.range(10).count()") == 10


def test_a_jvm_that_ends_for_lack_of_memory_says_so(livy: Livy, session: int) -> None:
    """The last that uses the session: it ends as Spark's own handler of this error ends a JVM."""
    livy.submit(session, "sc._jvm.Runtime.getRuntime().halt(52)")
    shown = until(lambda: (one := livy.session(session))["state"] == "dead" and one, END, "dead")
    assert "ran out of memory" in shown["log"][-1]


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ({"ttl": "2s"}, "time to live of 2s"),
        ({"heartbeatTimeoutInSecond": 1}, "No client asked for it for 1 s"),
    ],
)
def test_a_session_ends_in_its_time(livy: Livy, field: dict[str, Any], words: str) -> None:
    number = livy.create(**field)
    log = livy.data / "logs" / "projects" / "standalone" / "anonymous" / "sessions" / str(number)
    # Read from its log: asking for the session would be a sign of life.
    file = log / "driver.log"
    until(lambda: file.exists() and words in file.read_text(), END, "it is over")
    shown = livy.session(number)
    assert shown["state"] == "killed"
    assert words in shown["log"][-1]


def test_an_idle_session_ends(livy: Livy) -> None:
    number = livy.ready(idleTimeout="2s")
    shown = until(lambda: (one := livy.session(number))["state"] == "killed" and one, END, "it")
    assert "no work for 2 s" in shown["log"][-1]


def test_a_missing_spark_is_said(tmp_path_factory: pytest.TempPathFactory) -> None:
    with temp_livy(tmp_path_factory.mktemp("missing"), SPARK_HOME="/nowhere") as server:
        number = server.create()
        shown = until(
            lambda: (one := server.session(number))["state"] == "error" and one, END, "it"
        )
        assert "set SPARK_HOME to where Spark is" in shown["log"][-1]
