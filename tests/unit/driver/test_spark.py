import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from hopyard.driver import archive
from hopyard.driver.spark import (
    Spark,
    SparkFailed,
    cluster_reason,
    local_shuffle_partitions,
    properties,
    properties_text,
    spark_submit,
    why_ended,
)


@pytest.fixture(autouse=True)
def no_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.prefix", str(tmp_path))


def test_lists_are_joined_with_the_conf() -> None:
    conf = properties({"conf": {"spark.jars": "a.jar"}, "jars": ["b.jar", "a.jar"], "name": "n"})
    assert conf["spark.jars"] == "a.jar,b.jar"
    assert conf["spark.app.name"] == "n"
    assert conf["spark.driver.host"] == "127.0.0.1"


def test_a_cluster_keeps_its_hosts() -> None:
    assert "spark.driver.host" not in properties({"conf": {"spark.master": "yarn"}})


def test_properties_are_escaped_for_java() -> None:
    text = properties_text({"a b": " x\\y\nz", "c": "d=e:f#"})
    assert text == "a\\ b=\\ x\\\\y\\nz\nc=d=e:f#\n"


@pytest.mark.parametrize(
    ("code", "tail", "word"),
    [
        (52, [], "ran out of memory"),
        (1, ["java.lang.OutOfMemoryError: Java heap space"], "ran out of memory"),
        (-9, [], "killed"),
        (1, ['Exception in thread "main" a.b.SparkException: no', "x"], "SparkException: no"),
        (
            1,
            ["p.Py4JJavaError: An error", ": a.B: no file", "\tat x", ""],
            "(exit code 1): a.B: no",
        ),
        (
            1,
            ["x.Error: outer", "\tat x", "Caused by: a.B: inner", "Caused by: deepest"],
            ": deepest",
        ),
        (2, ["python3: can't open file '/project/a.py': [Errno 2] No such"], "can't open file"),
        (3, [], "exit code 3"),
        (-11, [], "SIGSEGV"),
    ],
)
def test_the_end_of_a_jvm_is_explained(code: int, tail: list[str], word: str) -> None:
    assert word in why_ended(code, tail)


def test_the_archive_is_used_when_it_is_there() -> None:
    assert archive.OPTIONS not in properties({})
    archive.path().parent.mkdir(parents=True)
    archive.path().touch()
    options = properties({"conf": {archive.OPTIONS: "-Da=b"}})[archive.OPTIONS]
    assert options.startswith(f"-Da=b -XX:SharedArchiveFile={archive.path()}")
    own = "-XX:SharedArchiveFile=/mine"
    assert properties({"conf": {archive.OPTIONS: own}})[archive.OPTIONS] == own


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("java.io.IOException: No space left on device", "disk is full"),
        ("JAVA_HOME is not set", "Java was not found"),
        ("spark-class: line 71: /nowhere/bin/java: No such file or directory", "Java was not"),
    ],
)
def test_plain_causes_are_said_in_words(line: str, word: str) -> None:
    assert word in why_ended(1, ["Error: noise", line])
    assert why_ended(1, [line], "the application").startswith("the application ended")


def test_a_wrong_home_of_spark_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARK_HOME", str(tmp_path))
    with pytest.raises(SparkFailed, match="SPARK_HOME"):
        spark_submit(tmp_path / "properties")


def test_why_the_cluster_ended_an_application_is_found() -> None:
    line = "ERROR StandaloneSchedulerBackend: Application has been killed. Reason: no masters"
    found = cluster_reason(["noise", line])
    assert found == "the cluster ended the application: no masters"
    assert cluster_reason(["noise"]) is None


def test_the_end_of_a_jvm_that_ran_is_not_explained_by_an_old_error() -> None:
    said = why_ended(3, ["ZeroDivisionError: division by zero"], ran=True)
    assert said == "the driver's JVM ended (exit code 3), as after System.exit."
    assert "ran out of memory" in why_ended(3, ["java.lang.OutOfMemoryError"], ran=True)


@pytest.mark.parametrize(
    ("master", "parts"),
    [
        ("local", 4),
        ("local[1]", 4),
        ("local[6]", 12),
        ("local[*]", 16),
        ("local[*, 3]", 16),
        ("local[500]", 200),
        ("local-cluster[2,1,1024]", None),
        ("spark://here:7077", None),
        ("yarn", None),
    ],
)
def test_queries_on_one_machine_shuffle_into_few_parts(master: str, parts: int | None) -> None:
    assert local_shuffle_partitions(master, 8) == parts


async def test_jvm_that_went_meanwhile_is_cancelled_and_stopped_without_a_word(
    tmp_path: Path,
) -> None:
    def gone(*_: object) -> None:
        raise ConnectionRefusedError

    spark = Spark.__new__(Spark)
    spark.folder = tmp_path
    spark.process = subprocess.Popen(["sleep", "60"], stdin=subprocess.PIPE, start_new_session=True)
    spark._context = SimpleNamespace(stop=gone, cancelJobGroupAndFutureJobs=gone)
    spark._control = None
    await spark.cancel("group")
    await spark.stop(exit_patience=0.1)
    assert spark.process.poll() is not None
