"""Sizes and numbers that a Spark application may ask for, by whatever way."""

from __future__ import annotations

import pytest

from hopyard.protocol import resources
from hopyard.settings import Limits

LIMITS = Limits(memory_min=1024, memory_max=8192, cores_max=8, executors_max=10)


@pytest.mark.parametrize(
    ("size", "unit", "megabytes"),
    [
        ("2g", "m", 2048),
        ("2G", "m", 2048),
        (" 2gb ", "m", 2048),
        ("512m", "m", 512),
        ("1024", "m", 1024),
        ("1t", "m", 2**20),
        ("1p", "m", 2**30),
        ("1048576b", "m", 1),
        ("1048576", "b", 1),
        ("2048k", "m", 2),
        ("lots", "m", None),
        ("1.5g", "m", None),
        ("-1g", "m", None),
        ("", "m", None),
        ("１g", "m", None),
        ("${spark.x}", "m", None),
    ],
)
def test_size_is_read_as_spark_does(size: str, unit: str, megabytes: float | None) -> None:
    assert resources.megabytes(size, unit) == megabytes


@pytest.mark.parametrize(
    ("key", "good", "bad"),
    [
        ("spark.driver.cores", "8", "9"),
        ("spark.executor.cores", " 8 ", "+9"),
        ("spark.executor.instances", "10", "11"),
        ("spark.executor.instances", "0", "1e9"),
        ("spark.executor.instances", "+1", "${spark.y}"),
        ("spark.executor.instances", "1", "٩٩"),
        ("spark.executor.instances", "1", "9" * 5000),
        ("spark.cores.max", "80", "81"),
        ("spark.dynamicAllocation.maxExecutors", "10", "11"),
        ("spark.dynamicAllocation.minExecutors", "10", "11"),
        ("spark.dynamicAllocation.initialExecutors", "10", "11"),
        ("spark.streaming.dynamicAllocation.maxExecutors", "10", "11"),
        ("spark.driver.memory", "8g", "8193m"),
        ("spark.executor.memory", "8192", "1t"),
        ("spark.executor.memory", "256m", "255m"),
        ("spark.executor.memory", "8589934592b", "8589934592"),
        ("spark.executor.memoryOverhead", "4096", "9g"),
        ("spark.yarn.executor.memoryOverhead", "4096", "9g"),
        ("spark.driver.minMemoryOverhead", "1g", "9g"),
        ("spark.executor.pyspark.memory", "2g", "9g"),
        ("spark.memory.offHeap.size", "8589934592", "8589934593"),
        ("spark.memory.offHeap.size", "4096m", "8193m"),
        ("spark.driver.memoryOverheadFactor", "0.5", "20"),
        ("spark.driver.memoryOverheadFactor", "1", "many"),
        ("spark.master", "local[8]", "local[9]"),
        ("spark.master", "local[*]", "local[0]"),
        ("spark.master", "local[*,3]", "local[9,3]"),
        ("spark.master", "local", "local[x]"),
        ("spark.master", "spark://here:7077", "local[ 99 ]"),
        ("spark.driver.extraJavaOptions", "-Da=b -XX:+UseG1GC", "-Xmx900g"),
        ("spark.driver.extraJavaOptions", "-Dmail=a@b", "@/tmp/options"),
        ("spark.driver.defaultJavaOptions", "-Da=b", "-XX:MaxRAMPercentage=99"),
        ("spark.executor.extraJavaOptions", "-Da=b", "-XX:MaxHeapSize=9g"),
        ("spark.driver.extraJavaOptions", "-Dspar=1", "-Dspark.executor.instances=1000"),
        ("spark.executorEnv.JAVA_TOOL_OPTIONS", "-Da=b", "-Xmx9g"),
    ],
)
def test_property_is_held_to_its_limit(key: str, good: str, bad: str) -> None:
    assert resources.fault({key: good}, LIMITS) is None
    found = resources.fault({key: bad}, LIMITS)
    assert found is not None
    assert found[0].split(".")[1] in key


def test_memory_counts_together() -> None:
    asked = {"spark.executor.memory": "6g", "spark.executor.pyspark.memory": "2g"}
    assert resources.fault(asked, LIMITS) is None
    asked["spark.memory.offHeap.size"] = "1g"
    found = resources.fault(asked, LIMITS)
    assert found == (
        "spark.executor.memory",
        "with what is asked for beside it (overhead, off-heap, Python) 9216 MB, "
        "at most 8192 MB are allowed",
    )


def test_dynamic_allocation_has_an_upper_bound() -> None:
    conf = {"spark.dynamicAllocation.enabled": " True "}
    resources.bounded(conf, LIMITS)
    assert conf["spark.dynamicAllocation.maxExecutors"] == "10"
    conf = {"spark.dynamicAllocation.enabled": "false"}
    resources.bounded(conf, LIMITS)
    assert "spark.dynamicAllocation.maxExecutors" not in conf
