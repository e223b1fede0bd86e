"""What runs inside the Python kernel: it joins the kernel to the driver's Spark application.

The agent calls `connect` and `attach` by hidden requests; the user's names stay clean.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hopyard import packages
from hopyard.driver import callbacks
from hopyard.driver.interpreters import rows
from hopyard.driver.interpreters.text import REFUSED
from hopyard.kernels import restoring

INSTALLED = (
    "Installed for this Spark session, in its driver and the executors on this machine: "
    "it is gone when the session ends."
)
_gateway: Any = None
_group: dict[str, str] | None = None
"""Of the cell that runs, until Spark knows it."""


def connect(port: int, secret: str) -> None:
    """Connect to the driver's JVM; the Spark application need not be there yet."""
    global _gateway
    from pyspark.java_gateway import launch_gateway

    os.environ["PYSPARK_GATEWAY_PORT"], os.environ["PYSPARK_GATEWAY_SECRET"] = str(port), secret
    try:
        _gateway = launch_gateway()
    finally:
        del os.environ["PYSPARK_GATEWAY_PORT"], os.environ["PYSPARK_GATEWAY_SECRET"]
    _watch_calls()
    _keep_connections_of_the_parent()
    callbacks.guard()


def attach() -> None:
    """Make `spark`, `sc` and `sqlContext` of the Spark application that runs in the JVM."""
    from IPython import get_ipython
    from pyspark import SparkConf, SparkContext
    from pyspark.logger import PySparkLogger
    from pyspark.sql import SparkSession, SQLContext

    jvm = _gateway.jvm
    jcontext = jvm.org.apache.spark.SparkContext.getOrCreate()
    jsc = jvm.JavaSparkContext.fromSparkContext(jcontext)
    handler = signal.getsignal(signal.SIGINT)
    sc = SparkContext(gateway=_gateway, jsc=jsc, conf=SparkConf(_jconf=jsc.getConf()))
    # pyspark's own handler cancels the jobs of everybody; the agent cancels the cell's jobs only.
    signal.signal(signal.SIGINT, handler)
    _share_packages(sc.environment)
    spark = SparkSession(sc, _gateway.entry_point.get("session"))
    rows.use(spark, _gateway)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sql_context = SQLContext(sc, spark)
    for name in ("DataFrameQueryContextLogger", "SQLQueryContextLogger"):
        # They print a failed query's error as JSON before it is raised with the same words.
        PySparkLogger.getLogger(name).disabled = True
    shell = get_ipython()
    shell.push({"spark": spark, "sc": sc, "sqlContext": sql_context}, interactive=False)
    if "" not in sys.path:  # last, so that no file of the user's replaces what starts a session
        sys.path.insert(0, "")
    shell.events.register("pre_execute", lambda: _begin(shell))
    shell.events.register("post_run_cell", lambda result: _keep(shell, result))


def _share_packages(environment: dict[str, str]) -> None:
    """Let workers of Python find what this session installs; those of this machine can."""
    if root := os.environ.get(packages.VARIABLE):
        place = str(packages.folder(Path(root)))
        environment["PYTHONPATH"] = ":".join(filter(None, [place, environment.get("PYTHONPATH")]))


def prepare(shell: Any) -> None:
    """Set the shell up: plain tracebacks, prompt streams."""
    shell.kernel.raw_input = _asking(shell.kernel.raw_input)
    shell.kernel.getpass = _asking(shell.kernel.getpass)
    from hopyard.driver.interpreters import (
        files,
        leaving,
        magics,
        publishing,
        showing,
        tracebacks,
    )

    for part in (publishing, tracebacks, leaving, magics, showing, files):
        part.register(shell)
    restoring.register(shell)
    packages.register(shell, INSTALLED)
    # It tells of each call into the JVM, ours too, to everybody who sets the root logger's level.
    logging.getLogger("py4j").setLevel(logging.WARNING)


def _asking(ask: Callable[..., str]) -> Callable[..., str]:
    """Return the kernel's way to ask, with a clear error where nobody answers."""
    from IPython.core.error import StdinNotImplementedError

    def asked(*arguments: Any, **named: Any) -> str:
        text = ask(*arguments, **named)
        if text.startswith(REFUSED):
            raise StdinNotImplementedError(
                f"This statement asked for input, and {text.removeprefix(REFUSED)}."
            )
        return text

    return asked


def _set_job_group() -> None:
    """Put the Spark jobs of the cell that runs into its own group: at its first call into the JVM.

    A cell without one needs no group, and the call takes as long as a short cell.
    """
    global _group
    from py4j.protocol import Py4JError
    from pyspark import SparkContext

    wanted, _group = _group, None
    active = SparkContext._active_spark_context
    if wanted is None or active is None or active._jsc is None:
        return
    # Without a JVM, the cell itself will say so where it needs one.
    with contextlib.suppress(Py4JError, OSError):
        active._jsc.setJobGroup(wanted["group"], wanted["description"], True)


def _begin(shell: Any) -> None:
    """Remember which group the cell's jobs belong to."""
    global _group
    _group = shell.kernel.get_parent().get("metadata", {}).get("hopyard")


def _keep(shell: Any, result: Any) -> None:
    """Remember what a statement gave."""
    wanted = shell.kernel.get_parent().get("metadata", {}).get("hopyard")
    if wanted:
        rows.keep(wanted["group"], result.result)


def _watch_calls() -> None:
    """Set the job group before a cell's first call; close a connection that is interrupted.

    py4j would use it again, and take the late answer to the interrupted call for the answer to the
    next one: a traceback that is kept (IPython keeps the last) keeps the connection alive.
    """
    from py4j.clientserver import ClientServerConnection

    send = ClientServerConnection.send_command

    def send_command(self: Any, command: str) -> Any:
        # Groups are of one thread of the JVM, and that belongs to the one here.
        if _group is not None and threading.current_thread() is threading.main_thread():
            _set_job_group()
        try:
            return send(self, command)
        except KeyboardInterrupt:
            self.close(reset=True)
            raise

    ClientServerConnection.send_command = send_command


def _keep_connections_of_the_parent() -> None:
    """Leave connections alone in a fork (`!ls`, `multiprocessing`): they are the kernel's.

    To close one there ends it here too, and the next call of a thread of the kernel fails.
    """
    from py4j.clientserver import ClientServerConnection

    close, owner = ClientServerConnection.close, os.getpid()

    def closed(self: Any, *arguments: Any, **named: Any) -> None:
        if os.getpid() == owner:
            close(self, *arguments, **named)

    ClientServerConnection.close = closed
