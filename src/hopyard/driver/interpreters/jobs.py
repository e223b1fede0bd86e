"""What runs inside the Python kernel for Livy's job clients: pickled functions, added files.

The server sends a line of code that calls `run` or `add` here (`hopyard.livy.jobs`). What they give
back is the pickle of the result in base64, published under a media type of its own.
"""

from __future__ import annotations

import base64
import importlib
import io
import pickle
import tempfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hopyard.protocol.media import JOB

SHARED_AT_MOST = 100
"""Objects that jobs of a session share; the one that was not used for longest goes (as Livy)."""


class JobContext:
    """What a job is given: the names of the `JobContext` of Livy's Python client."""

    def __init__(self) -> None:
        self._shared: OrderedDict[str, Any] = OrderedDict()
        self._folder: str | None = None

    @property
    def sc(self) -> Any:
        """The SparkContext."""
        return _user_name("sc")

    @property
    def spark_session(self) -> Any:
        """The SparkSession."""
        return _user_name("spark")

    @property
    def sql_ctx(self) -> Any:
        """The SQLContext."""
        return _user_name("sqlContext")

    @property
    def hive_ctx(self) -> Any:
        """The same, where the session has Hive."""
        if self.spark_session.conf.get("spark.sql.catalogImplementation", "") != "hive":
            raise RuntimeError(
                "This session has no Hive: create it with the property "
                "spark.sql.catalogImplementation=hive, or use context.spark_session."
            )
        return self.sql_ctx

    @property
    def local_tmp_dir_path(self) -> str:
        """A folder on the driver's machine for temporary files."""
        if self._folder is None:
            self._folder = tempfile.mkdtemp(prefix="jobs-")
        return self._folder

    def get_local_tmp_dir_path(self) -> str:
        """Return the folder for temporary files."""
        return self.local_tmp_dir_path

    @property
    def streaming_ctx(self) -> Any:
        """Refused: see `create_streaming_ctx`."""
        return self.create_streaming_ctx(0)

    def create_streaming_ctx(self, batch_duration: float) -> Any:
        """Refuse: DStreams are Spark's past, and a job that waits for one would never end."""
        raise RuntimeError(
            "Streaming contexts (DStreams) are not offered: "
            "use context.spark_session.readStream (structured streaming)."
        )

    def stop_streaming_ctx(self) -> None:
        """Nothing to do: there is none."""

    def stop(self) -> None:
        """Refuse: a session ends by DELETE, so that its state is known."""
        raise RuntimeError("A job cannot stop the session: DELETE the session instead.")

    def get_shared_object(self, name: str) -> Any:
        """Return what a job of this session has set, or None."""
        if name in self._shared:
            self._shared.move_to_end(name)
        return self._shared.get(name)

    def set_shared_object(self, name: str, value: Any) -> None:
        """Keep an object for later jobs of this session."""
        self._shared[name] = value
        self._shared.move_to_end(name)
        while len(self._shared) > SHARED_AT_MOST:
            self._shared.popitem(last=False)

    def remove_shared_object(self, name: str) -> None:
        """Forget an object."""
        self._shared.pop(name, None)


_context = JobContext()


def run(job: str) -> None:
    """Run a pickled function on the context, and publish what it returns."""
    function: Callable[[JobContext], Any] = _Unpickler(io.BytesIO(base64.b64decode(job))).load()
    _publish(function(_context))


def add(what: str, path: str) -> None:
    """Add a file, a Python file or a jar to the Spark application."""
    {"file": _context.sc.addFile, "pyfile": _context.sc.addPyFile, "jar": _add_jar}[what](path)
    _publish(None)


def _add_jar(path: str) -> None:
    """Add a jar for the executors, and for all threads of the driver (SQL, Scala, `sc._jvm.…`).

    Into the class loader that all others have as a parent: a class that two loaders know is two
    classes, and Spark fails in words that nobody understands.
    """
    context, jvm = _context.sc, _context.sc._jvm
    # Spark would note an address that it cannot reach, and say nothing of a file that is not there.
    local = _local(path)
    context._jsc.addJar(local)
    loader = jvm.java.lang.Thread.currentThread().getContextClassLoader()
    while loader is not None:
        if loader.getClass().getName() == "org.apache.spark.util.MutableURLClassLoader":
            loader.addURL(jvm.java.io.File(local.removeprefix("file:")).toURI().toURL())
            return
        loader = loader.getParent()


def _local(path: str) -> str:
    """Return where a jar is in the driver; one of another file system is brought here first.

    Raises:
        FileNotFoundError: there is none.
    """
    from pyspark import SparkFiles

    place = path.removeprefix("file://").removeprefix("file:").removeprefix("local:")
    if "://" in place:
        _context.sc.addFile(path)
        return str(SparkFiles.get(path.rsplit("/", 1)[-1]))
    if not Path(place).is_file():
        raise FileNotFoundError(f"There is no file {place}.")
    return place


def _user_name(name: str) -> Any:
    from IPython import get_ipython

    return get_ipython().user_ns[name]


def _publish(result: Any) -> None:
    from IPython.display import publish_display_data

    text = base64.b64encode(_cloudpickle().dumps(result)).decode()
    publish_display_data({JOB: text}, metadata={"hopyard": {"result": True}})


def _cloudpickle() -> Any:
    """The client's pickler where it is installed, else the copy that Spark brings."""
    try:
        return importlib.import_module("cloudpickle")
    except ImportError:
        return importlib.import_module("pyspark.cloudpickle")


class _Unpickler(pickle.Unpickler):
    """Finds the client's `cloudpickle` also where only Spark's copy is there."""

    def find_class(self, module: str, name: str) -> Any:
        try:
            return super().find_class(module, name)
        except ModuleNotFoundError:
            if module.partition(".")[0] != "cloudpickle":
                raise
            return super().find_class(f"pyspark.{module}", name)
