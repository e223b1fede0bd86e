"""`python -m hopyard.driver.archive`: makes every later start of a driver's JVM cheaper.

Java can keep the classes that a run loaded in a file (an application class data archive) and map
them at the next start instead of reading, checking and linking them again. Measured on Spark 4.3
with Java 17: 15 s of processor time until the SparkSession is there without it, 10 s with it. The
file lies in the Python environment, which drivers see read-only in their sandbox. Java itself
ignores it when its own version or Spark's jars changed.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
import time
from pathlib import Path
from typing import Any

OPTIONS = "spark.driver.extraJavaOptions"
QUIET = "-Xlog:cds=off -Xlog:cds+dynamic=off"
DUMP_TIMEOUT = 120.0
EVERYDAY = """
spark.range(10).count()
spark.sql("select id % 2 k, count(*) c from range(1000) group by 1 order by 1").collect()
spark.createDataFrame([(1, "a")], ["n", "s"]).createOrReplaceTempView("t")
spark.sql("select * from t where n > 0").show()
sc.parallelize([1, 2]).map(str).collect()
spark.range(3).toPandas()
"""
"""What most notebooks do, so that its classes are in the archive."""


def path() -> Path:
    """Return where the archive is."""
    return Path(sys.prefix) / "share" / "hopyard" / "spark.jsa"


def use(conf: dict[str, str]) -> None:
    """Let a driver with these properties use the archive, if there is one."""
    options = conf.get(OPTIONS, "")
    if "-XX:ArchiveClassesAtExit" in options or "-XX:SharedArchiveFile" in options:
        return
    if path().exists() and " " not in str(path()):
        conf[OPTIONS] = f"{options} -XX:SharedArchiveFile={path()} {QUIET}".strip()


class _Ignore:
    def stream(self, name: str, text: str) -> None:
        """Take a piece of text."""

    def display(self, *_: Any, **__: Any) -> None:
        """Take rich output."""

    def clear(self, *, wait: bool) -> None:
        """Take back what was shown."""

    async def ask(self, prompt: str, password: bool) -> Any:
        """Nothing asks here."""
        raise NotImplementedError


async def make() -> Path:
    """Make the archive: run an everyday session, and let Java write down what it loaded.

    Raises:
        OSError: the environment's folder cannot be written.
        SparkFailed: Spark does not start, or Java wrote nothing.
    """
    from hopyard.driver.interpreters.base import Code
    from hopyard.driver.interpreters.python import PythonInterpreter
    from hopyard.driver.interpreters.sql import SqlInterpreter
    from hopyard.driver.spark import Spark, SparkFailed
    from hopyard.driver.workspace import Workspace

    path().parent.mkdir(parents=True, exist_ok=True)
    part = path().with_suffix(".part")
    part.unlink(missing_ok=True)
    conf = {
        OPTIONS: f"-XX:ArchiveClassesAtExit={part} {QUIET}",
        "spark.master": "local[2]",
        "spark.ui.port": "0",
        "spark.ui.filters": "org.apache.spark.ui.JWSFilter",
        "spark.org.apache.spark.ui.JWSFilter.param.secretKey": secrets.token_urlsafe(32),
    }
    spark = Spark({"conf": conf, "name": "hopyard archive"})
    log = asyncio.create_task(spark.forward_log())
    workspace = Workspace(spark, 0)
    python = PythonInterpreter(workspace, str(spark.folder), spark.folder / "packages")
    sql = SqlInterpreter(workspace)
    try:
        await spark.connect()
        await workspace.connect()
        await spark.start()
        await workspace.open(first=True)
        await python.start()
        await python.execute(Code(EVERYDAY, "archive", ""), _Ignore())
        await sql.execute(Code("select id, 'x' s from range(3)", "archive", ""), _Ignore())
        await spark.cancel("archive")
    finally:
        await asyncio.gather(python.close(), sql.close())
        await spark.stop(exit_patience=DUMP_TIMEOUT)
        log.cancel()
    if not part.exists():
        raise SparkFailed("Java wrote no archive.")
    part.replace(path())
    return path()


def main() -> None:
    """Make the archive and say so."""
    before = time.monotonic()
    made = asyncio.run(make())
    size = made.stat().st_size // 1_000_000
    print(f"{made}: {size} MB, in {time.monotonic() - before:.0f} s")


if __name__ == "__main__":
    main()
