"""Files that code adds to the Spark application (`sc.addFile`, `ADD FILE`, Livy's `add-file`).

Spark notes a file before it fetches it. One that cannot be fetched would stay noted, and each later
task would try to fetch it and fail.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from hopyard.driver.spark import Spark


async def forget_unfetched(spark: Spark, since: int) -> None:
    """Take back the files that were noted since a time (ms) and are not there."""
    from py4j.protocol import Py4JError

    try:
        await spark.call(_forget, spark, since)
    except (Py4JError, OSError):
        return  # without a JVM there is no later task


def _forget(spark: Spark, since: int) -> None:
    context = spark.session.sparkContext()
    noted = context.addedFiles()
    if noted.isEmpty():
        return
    jvm = spark.jvm
    folder = Path(jvm.org.apache.spark.SparkFiles.getRootDirectory())
    java: Any = jvm.scala.jdk.javaapi.CollectionConverters.asJava
    for files in java(noted).values():
        found = {str(address): int(at) for address, at in java(files).items()}
        for address, at in found.items():
            name = unquote(urlsplit(address).path).rstrip("/").rpartition("/")[2]
            if at >= since and not (folder / name).exists():
                files.remove(address)
