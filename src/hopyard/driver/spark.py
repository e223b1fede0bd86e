"""The driver's JVM: started by spark-submit, spoken to over py4j.

The JVM starts before anything else is imported, so this file imports almost nothing. Spark's
properties hold secrets (the key of the UI's filter), so they go into a private file that is deleted
once read, never on a command line, where every user of the machine could read them.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from hopyard import limits
from hopyard.ask import DESK
from hopyard.driver import archive
from hopyard.driver.process import child_setup, ended, exit_words, kill_group
from hopyard.mask import Mask

T = TypeVar("T")

TAIL_LINES = 200
LONGEST_FOLDER = 60
ENDING = 2.0
"""Seconds that a JVM's end takes at most, once it does not answer."""
OUT_OF_MEMORY_EXIT = 52
"""What Spark's own handler of uncaught errors ends the JVM with."""
LISTS = {
    "py_files": "spark.submit.pyFiles",
    "jars": "spark.jars",
    "files": "spark.files",
    "archives": "spark.archives",
}
_ENDED_BY_CLUSTER = re.compile(r"Application has been killed\. Reason: (.*)")
_JAVA_PREFIX = re.compile(r'^Exception in thread "\S+" (?:[\w.$]+\.)?')
_LOCAL = re.compile(r"local(?:\[(\d+|\*))?")
PLAIN_CAUSES = {
    re.compile(r"No space left on device"): "the disk is full.",
    re.compile(r"JAVA_HOME is not set|bin/java: (No such file|not found)|/java: cannot execute"): (
        "Java was not found; install Java 17 or later, or set JAVA_HOME to where it is."
    ),
}
"""What the last lines say, in words for the user."""
_MARKS = ("Exception in thread", "Error:", "error:", "Unrecognized", "can't open file")
NOT_FOR_CHILDREN = (
    *("HOPYARD_DRIVER_CONFIG", "HOPYARD_DRIVER_HOME"),
    *("PYSPARK_GATEWAY_PORT", "PYSPARK_GATEWAY_SECRET"),
)


class SparkFailed(Exception):
    """The Spark application cannot start, or it is gone; one sentence for the user."""


@dataclass(frozen=True)
class Application:
    """A Spark application that runs."""

    id: str
    ui_url: str | None
    version: str
    master: str


def spark_home() -> Path:
    """Return where Spark is: `SPARK_HOME`, or the one inside the pyspark package."""
    if home := os.environ.get("SPARK_HOME"):
        return Path(home)
    found = importlib.util.find_spec("pyspark")
    if found is None or found.origin is None:
        raise SparkFailed("Spark is not installed: set SPARK_HOME or install pyspark.")
    return Path(found.origin).parent


def spark_submit(properties_file: Path) -> list[str]:
    """Return the words of spark-submit with properties from a file.

    Raises:
        SparkFailed: it is not where SPARK_HOME says.
    """
    program = spark_home() / "bin" / "spark-submit"
    if not program.exists():
        raise SparkFailed(
            f"there is no {program}; set SPARK_HOME to where Spark is, or unset it to use "
            "the one of the package pyspark."
        )
    return [str(program), "--load-spark-defaults", "--properties-file", str(properties_file)]


def properties(config: dict[str, Any]) -> dict[str, str]:
    """Return all Spark properties of a DriverConfig (as plain JSON), with its lists joined in."""
    conf: dict[str, str] = dict(config.get("conf", {}))
    for field, key in LISTS.items():
        items = [*filter(None, conf.get(key, "").split(",")), *config.get(field, [])]
        if items:
            conf[key] = ",".join(dict.fromkeys(items))
    if config.get("name"):
        conf.setdefault("spark.app.name", config["name"])
    conf.setdefault("spark.master", "local[*]")
    if conf["spark.master"].startswith("local"):
        conf.setdefault("spark.driver.host", "127.0.0.1")
    conf.setdefault("spark.ui.showConsoleProgress", "false")  # the log is no terminal
    archive.use(conf)
    return conf


def properties_text(conf: dict[str, str]) -> str:
    """Write properties in Java's format."""

    def escaped(text: str, special: str) -> str:
        text = text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
        for letter in special:
            text = text.replace(letter, "\\" + letter)
        return "\\" + text if text.startswith(" ") else text

    return "".join(f"{escaped(k, '=:#! ')}={escaped(v, '')}\n" for k, v in sorted(conf.items()))


def write_private(file: Path, text: str) -> None:
    """Write a new file that nobody else can read."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)


def environment(conf: dict[str, str]) -> dict[str, str]:
    """Return the environment of the JVM and of the interpreters."""
    env = {name: value for name, value in os.environ.items() if name not in NOT_FOR_CHILDREN}
    env.pop("PYSPARK_SUBMIT_ARGS", None)
    env["SPARK_HOME"] = str(spark_home())
    env["PYSPARK_PYTHON"] = conf.get("spark.pyspark.python", sys.executable)
    env["PYSPARK_DRIVER_PYTHON"] = sys.executable
    env["PYSPARK_PIN_THREAD"] = "true"
    env["SPARK_CONNECT_MODE"] = "0"
    if conf.get("spark.driver.host") == "127.0.0.1":
        env.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    return env


def sockets_in(folder: Path) -> dict[str, str]:
    """Return properties by which Spark and its Python processes meet in a private folder.

    Otherwise they listen on ports, where every process of the machine could connect. Executors on
    other machines do not have the folder: only for those in the driver's own process.
    """
    if len(str(folder)) > LONGEST_FOLDER:
        return {}
    return {
        "spark.python.unix.domain.socket.enabled": "true",
        "spark.python.unix.domain.socket.dir": str(folder),
    }


def socket_folder() -> str:
    """Return the folder for temporary files, if names of sockets (107 letters) fit into it."""
    usual = tempfile.gettempdir()
    return usual if len(usual) <= LONGEST_FOLDER else "/tmp"  # noqa: S108


class Spark:
    """The JVM and the Spark application in it."""

    def __init__(self, config: dict[str, Any]) -> None:
        """Start the JVM; it comes up while the caller does other things."""
        conf = properties(config)
        self.name = conf.get("spark.app.name", "")
        self.folder = Path(tempfile.mkdtemp(prefix="hopyard-", dir=socket_folder()))
        if conf["spark.master"].startswith("local"):
            conf = sockets_in(self.folder) | conf
        self.classes = self.folder / "classes"
        """What the Scala REPL compiles; executors load it from the driver."""
        self.classes.mkdir()
        self.mask = Mask()
        self.desk = self.folder / "desk"
        """The socket where interpreters ask for secrets."""
        self.environment = environment(conf) | {DESK: str(self.desk)}
        self.port = 0
        self.secret = ""
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)
        """The last lines that the JVM wrote."""
        self._properties = self.folder / "spark.properties"
        write_private(self._properties, properties_text(conf))
        self._connection = self.folder / "gateway"
        command = [*spark_submit(self._properties), "pyspark-shell"]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,  # the JVM ends itself when this is closed
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=child_setup(signal.SIGTERM),  # no threads yet: safe
            env=self.environment | {"_PYSPARK_DRIVER_CONN_INFO_PATH": str(self._connection)},
        )
        # One thread each: py4j pins a thread here to one in the JVM, where job groups live.
        self._control = ThreadPoolExecutor(1, "spark-control")
        self._gateway: Any = None
        self._context: Any = None
        self.session: Any = None
        """The application's first SparkSession in the JVM, which is its default."""
        self.conf: Any = None
        """Its properties in the JVM, as they were at the start."""
        self.loader: Any = None
        """Knows Spark's classes, those of the user's jars and those of Scala code."""
        self._repls = 0

    @property
    def jvm(self) -> Any:
        """The JVM's packages."""
        return self._gateway.jvm

    async def call(self, function: Callable[..., T], *args: Any) -> T:
        """Run something short that speaks to the JVM, outside of the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self._control, function, *args)

    async def forward_log(self) -> None:
        """Copy what the JVM writes to our stderr until it ends; remember the last lines."""
        reader = asyncio.StreamReader(limit=1_000_000)
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), self.process.stdout
        )
        while True:
            try:
                line = await reader.readline()
            except ValueError:  # a line beyond the limit: it is dropped by the reader
                continue
            if not line:
                return
            text = self.mask.hide(line.decode(errors="replace"))
            self.tail.append(text.rstrip("\n")[:2000])
            sys.stderr.write(text)
            sys.stderr.flush()

    async def connect(self) -> None:
        """Wait for the JVM, then connect to it.

        Raises:
            SparkFailed: it ended instead.
        """
        while not self._connection.exists():
            if self.process.poll() is not None:
                await asyncio.sleep(0.2)  # let the log's last lines arrive
                raise SparkFailed(f"Spark cannot start: {self.why_ended()}")
            await asyncio.sleep(0.02)
        with self._connection.open("rb") as stream:
            self.port, length = struct.unpack("!ii", stream.read(8))
            self.secret = stream.read(length).decode()
        self._connection.unlink()
        self._properties.unlink()  # spark-submit has read it before it made the connection
        await self.call(self._connect)

    def _connect(self) -> None:
        from py4j.clientserver import ClientServer, JavaParameters, PythonParameters

        self._gateway = ClientServer(
            java_parameters=JavaParameters(
                port=self.port, auth_token=self.secret, auto_convert=True
            ),
            python_parameters=PythonParameters(port=0, eager_load=False),
        )

    async def start(self) -> Application:
        """Start the Spark application.

        Raises:
            SparkFailed: it does not start, with Spark's reason.
        """
        from py4j.protocol import Py4JError, Py4JJavaError

        try:
            return await self.call(self._start)
        except Py4JJavaError as error:
            why = cluster_reason(self.tail) or java_reason(error)
            raise SparkFailed(f"Spark cannot start: {why}") from None
        except (Py4JError, OSError) as error:
            await asyncio.sleep(0.2)
            code = self.process.poll()
            why = str(error) if code is None else self.why_ended()
            raise SparkFailed(f"Spark cannot start: {why}") from None

    def _start(self) -> Application:
        # Defaults that pyspark sets for a context that it makes itself.
        conf = self.jvm.org.apache.spark.SparkConf()
        conf.setIfMissing("spark.serializer.objectStreamReset", "100")
        conf.setIfMissing("spark.rdd.compress", "True")
        processors = self.jvm.java.lang.Runtime.getRuntime().availableProcessors()
        if parts := local_shuffle_partitions(conf.get("spark.master", ""), processors):
            conf.setIfMissing("spark.sql.shuffle.partitions", str(parts))
        # Executors ask for classes of Scala code only if they know from the start where.
        conf.set("spark.repl.class.outputDir", str(self.classes))
        conf.setIfMissing("spark.sql.artifact.isolation.enabled", "false")  # as spark-shell does
        if self.name:
            conf.setAppName(self.name)
        self.conf = conf
        # Spark in this JVM must know the same classes of Scala code as the REPL: it takes the
        # loader of the thread that starts it.
        thread = self.jvm.java.lang.Thread.currentThread()
        urls = self.array(
            "java.net.URL", [self.jvm.java.io.File(str(self.classes)).toURI().toURL()]
        )
        self.loader = self.jvm.java.net.URLClassLoader(urls, thread.getContextClassLoader())
        thread.setContextClassLoader(self.loader)
        context = self.jvm.org.apache.spark.SparkContext(conf)
        self._context = context
        self.session = (
            self.jvm.org.apache.spark.sql.classic.SparkSession.builder()
            .sparkContext(context)
            .getOrCreate()
        )
        url = context.uiWebUrl()
        return Application(
            id=context.applicationId(),
            ui_url=url.get() if url.isDefined() else None,
            version=context.version(),
            master=context.master(),
        )

    def next_repl(self) -> int:
        """Return a number that no Scala REPL of this application had yet: 0, 1, 2 …"""
        self._repls += 1
        return self._repls - 1

    def array(self, kind: str, items: list[Any]) -> Any:
        """Return a Java array, for a method with a variable number of arguments."""
        element = self.jvm
        for part in kind.split("."):
            element = getattr(element, part)
        array = self._gateway.new_array(element, len(items))
        for index, item in enumerate(items):
            array[index] = item
        return array

    async def cancel(self, group: str) -> None:
        """Stop the running jobs of a group, and those that it still wants to start."""
        from py4j.protocol import Py4JError

        if self._context is not None:
            with contextlib.suppress(Py4JError, OSError):
                await self.call(
                    self._context.cancelJobGroupAndFutureJobs, group, "The statement was cancelled"
                )

    def tracker(self) -> Any:
        """Return Spark's own object that knows how far jobs are."""
        return self._context.statusTracker()

    def executors(self) -> tuple[int, bool]:
        """Return how many processes run tasks, and whether there should be one.

        Where executors come and go by themselves, none is needed without a job.
        """
        if self._context.isLocal():
            return 1, True
        tracker = self.tracker()
        static = not self.conf.getBoolean("spark.dynamicAllocation.enabled", False)
        running = len(tracker.getExecutorInfos()) - 1  # the list has the driver too
        return running, static or bool(len(tracker.getActiveJobIds()))

    async def why_stopped(self) -> str | None:
        """Say why there is no Spark application any more, None while it runs.

        The JVM goes on without it, and so would the interpreters, with an error for each job.
        """
        from py4j.protocol import Py4JError

        try:
            stopped = self._context is not None and await self.call(self._context.isStopped)
            if not stopped:
                return None
            place = await self.call(self._stopped_where)
        except (Py4JError, OSError):
            return None  # the JVM is gone: `ended` says why
        why = cluster_reason(self.tail)
        if why is None and "org.apache.spark.scheduler" in place:
            why = "the cluster ended the application"
        if why is not None:
            return f"the Spark application is over: {why}"
        return "the Spark application was stopped by the code itself (spark.stop())"

    def _stopped_where(self) -> str:
        """Return the stack of what stopped the application: Spark says it to who still wants it."""
        from py4j.protocol import Py4JJavaError

        try:
            self._context.defaultParallelism()
        except Py4JJavaError as error:
            _, _, place = str(error.java_exception.getMessage()).partition("it was stopped at:")
            return place
        return ""

    @property
    def gone(self) -> bool:
        """Whether the JVM has ended; `ended` says why."""
        return self.process.poll() is not None

    async def ended(self) -> str:
        """Wait for the JVM's end; return why in one sentence."""
        await ended(self.process)
        await asyncio.sleep(0.2)  # let the log's last lines arrive
        return self.why_ended()

    async def why_silent(self, error: Exception) -> str:
        """Say why the JVM did not answer a call of some code; the code may have ended it."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ENDING):
                why = await self.ended()
                return why[:1].upper() + why[1:]
        return f"Spark does not answer: {error}"

    def why_ended(self) -> str:
        """Say why the JVM is not there any more."""
        return why_ended(self.process.poll() or 0, list(self.tail), ran=self._context is not None)

    async def stop(self, patience: float = 10.0, exit_patience: float = 2.0) -> None:
        """End the application in order, then the JVM; by force when it takes too long."""
        from py4j.protocol import Py4JError

        if self.process.poll() is None and self._context is not None:
            with contextlib.suppress(Py4JError, OSError):  # a timeout is an OSError, too
                async with asyncio.timeout(patience):
                    await self.call(self._context.stop)
        if self.process.stdin is not None:
            with contextlib.suppress(OSError):
                self.process.stdin.close()
        try:
            async with asyncio.timeout(exit_patience):
                await ended(self.process)
        except TimeoutError:
            kill_group(self.process)
            await ended(self.process)
        shutil.rmtree(self.folder, ignore_errors=True)


def local_shuffle_partitions(master: str, processors: int) -> int | None:
    """Return into how many parts queries shuffle on one machine: two for each core, at least 4.

    Spark's own 200 is for clusters. On two cores each of them is mostly waited for, and a stream
    writes 200 files of state for each batch.
    """
    found = _LOCAL.match(master)
    if found is None or master.startswith("local-"):
        return None
    cores = {None: 1, "*": processors}.get(found[1]) or int(found[1])
    return max(4, min(2 * cores, 200))


def java_reason(error: Any) -> str:
    """Return the deepest cause of a Java exception in one line."""
    cause = error.java_exception
    for _ in range(20):
        deeper = cause.getCause()
        if deeper is None:
            break
        cause = deeper
    return " ".join(str(cause.toString()).split())[:1000]


def cluster_reason(tail: Iterable[str]) -> str | None:
    """Return why the cluster ended an application, if the last lines say so.

    All that Java's exception then says is that the SparkContext was stopped.
    """
    for line in tail:
        if found := _ENDED_BY_CLUSTER.search(line):
            return f"the cluster ended the application: {found[1].strip()}"
    return None


def why_ended(
    code: int, tail: list[str], what: str = "the driver's JVM", *, ran: bool = False
) -> str:
    """Say in a sentence why a JVM ended, from its exit code and its last lines.

    Args:
        ran: whether Spark was there already: an error in the lines before then is one of a job.
    """
    text = "\n".join(tail)
    memory = "OutOfMemoryError" in text or "insufficient memory" in text
    if memory or code == OUT_OF_MEMORY_EXIT:
        return (
            f"{what} ran out of memory; give it more driver memory, "
            "or collect less of the data to the driver."
        )
    if code in (-signal.SIGKILL, 128 + signal.SIGKILL):
        if limits.killed():
            return f"{what} {limits.ended()}."
        return (
            f"{what} was killed (signal SIGKILL): most likely the machine "
            "or the container ran out of memory."
        )
    for sign, sentence in PLAIN_CAUSES.items():
        if sign.search(text):
            return f"{what} ended ({exit_words(code)}): {sentence}"
    if ran and code in range(OUT_OF_MEMORY_EXIT):
        return f"{what} ended ({exit_words(code)}), as after System.exit."
    for number, line in enumerate(tail):
        if any(mark in line for mark in _MARKS):
            line = _cause(tail[number + 1 :]) or _JAVA_PREFIX.sub("", line.strip())
            return f"{what} ended ({exit_words(code)}): {line[:500]}"
    return f"{what} ended ({exit_words(code)})."


def _cause(lines: list[str]) -> str | None:
    """Return the deepest cause that the lines after an error's first one tell, up to their end."""
    found = None
    for line in lines:
        if not line.strip():
            break
        for mark in (": ", "Caused by: "):
            if line.startswith(mark):
                found = line.removeprefix(mark).strip()
    return found
