"""What runs inside the Python kernel for rows that leave it and rows that come.

The kernels of notebooks call `query`, `sampled`, `receive` and the like in statements of theirs.
"""

from __future__ import annotations

import base64
import weakref
from collections.abc import Callable
from typing import Any

from hopyard.driver.interpreters.sql_statements import statements
from hopyard.protocol.arrow import from_pandas

KEPT = 10
"""Values that statements gave, which are kept to be fetched."""
ALLOWED = "a Spark DataFrame, a pandas DataFrame or a pandas Series can be fetched"

_spark: Any = None
_gateway: Any = None
_given: dict[str, Callable[[], Any]] = {}
"""What gives the values of statements, by their job groups."""
_received: dict[str, list[str]] = {}
"""Parts of what a client sends, by its name."""


class _Other:
    """In the place of a value that is no DataFrame: that one is not kept."""

    def __init__(self, kind: str) -> None:
        self.kind = kind


def use(spark: Any, gateway: Any) -> None:
    """Use a SparkSession: the user's name for it may become something else."""
    global _spark, _gateway
    _spark, _gateway = spark, gateway


def keep(group: str, value: Any) -> None:
    """Remember what a statement gave: Spark's DataFrames as they are, pandas' while they live."""
    from pyspark.sql import DataFrame

    _given[group] = _later(value, DataFrame)
    while len(_given) > KEPT:
        del _given[next(iter(_given))]


def _later(value: Any, frame: type) -> Callable[[], Any]:
    if isinstance(value, frame):
        return lambda: value
    other = _Other("NoneType" if value is None else type(value).__name__)
    if _is_pandas(value):
        reference = weakref.ref(value)
        return lambda: other if (found := reference()) is None else found
    return lambda: other


def show_frame(place: str, group: str, name: str | None) -> None:
    """Hand a DataFrame to the agent, at a place of the shelf.

    Not as a view: to drop that would also take what is cached of the DataFrame away.

    Raises:
        LookupError: there is none.
    """
    from IPython import get_ipython

    names = get_ipython().user_ns
    if name is not None and name not in names:
        raise LookupError(f"There is no variable '{name}'.")
    if name is None and group not in _given:
        raise LookupError(f"The values of the last {KEPT} statements are kept, not this one's.")
    value = _given[group]() if name is None else names[name]
    what = "The value of this statement's last expression" if name is None else f"'{name}'"
    _gateway.entry_point.put(place, _frame(value, what)._jdf)


def _frame(value: Any, what: str) -> Any:
    from pyspark.sql import DataFrame

    if isinstance(value, DataFrame):
        return value
    if _is_pandas(value):
        if hasattr(value, "to_spark"):  # pandas on Spark
            return (value if hasattr(value, "columns") else value.to_frame()).to_spark()
        return _spark.createDataFrame(from_pandas(value))
    kind = value.kind if isinstance(value, _Other) else type(value).__name__
    raise LookupError(f"{what} is no DataFrame but of type {kind}: {ALLOWED}.")


def _is_pandas(value: Any) -> bool:
    kind = type(value)
    return kind.__name__ in ("DataFrame", "Series") and kind.__module__.startswith(
        ("pandas.", "pyspark.pandas.")
    )


def query(text: str, fraction: float | None = None) -> Any:
    """Run SQL; return the DataFrame of its last statement, or a random part of that.

    Args:
        text: one statement or several.
        fraction: of the rows.
    """
    *before, last = statements(_spark._jvm, _spark._jsparkSession, text)
    for one in before:
        _spark.sql(one)
    frame = _spark.sql(last)
    return frame if fraction is None else frame.sample(False, fraction)


def sampled(value: Any, fraction: float) -> Any:
    """Return a random part of a DataFrame's rows."""
    return _frame(value, "This").sample(False, fraction)


def receive(name: str, text: str) -> None:
    """Take a part of what a client sends, in its turn."""
    _received.setdefault(name, []).append(text)


def received(name: str) -> None:
    """Make a temporary view of what was sent, an Arrow stream."""
    import pyarrow

    data = b"".join(base64.b64decode(part) for part in _received.pop(name))
    table = pyarrow.ipc.open_stream(data).read_all()
    _spark.createDataFrame(table).createOrReplaceTempView(name)


def forget(name: str) -> None:
    """Let go of what was sent."""
    _received.pop(name, None)
    _spark.catalog.dropTempView(name)
