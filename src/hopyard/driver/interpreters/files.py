"""Files that were added to a session are found by their plain names, as with Apache Livy.

There the current folder is the one of added files. Here it is the notebooks' folder, where relative
paths mean what they mean in notebooks; a name that is not there is looked for in the added files.
"""

from __future__ import annotations

import builtins
import functools
import io
import os
from pathlib import Path
from typing import Any


def register(shell: Any) -> None:
    """Let `open`, and what uses it (pathlib, pandas), find added files."""
    from IPython.core import interactiveshell

    usual = io.open

    @functools.wraps(usual)
    def opened(file: Any, mode: str = "r", *arguments: Any, **named: Any) -> Any:
        try:
            return usual(file, mode, *arguments, **named)
        except FileNotFoundError:
            place = _added(file)
            if place is None:
                raise
        return usual(place, mode, *arguments, **named)

    opened.__module__ = "io"  # by this it is pickled, and is Python's own elsewhere
    builtins.open = io.open = opened
    interactiveshell.io_open = opened  # under the `open` of cells
    # Functions for executors are pickled with it, and Python's own is `io.open` no more.
    interactiveshell._modified_open.__wrapped__ = opened


def _added(file: Any) -> Path | None:
    """Return where an added file of a plain name is."""
    from py4j.protocol import Py4JError
    from pyspark import SparkContext, SparkFiles

    if not isinstance(file, str | os.PathLike) or SparkContext._active_spark_context is None:
        return None
    name = os.fspath(file)
    if not isinstance(name, str) or not name or Path(name).name != name:
        return None
    try:
        place = Path(SparkFiles.get(name))
    except (Py4JError, OSError):
        return None
    return place if place.is_file() else None
