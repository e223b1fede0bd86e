"""SQL: run in the driver's JVM, answered as Livy does: `{schema, data}`."""

from __future__ import annotations

import asyncio
import json
import re
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any, ClassVar

from hopyard.driver.interpreters.base import (
    Code,
    Interpreter,
    InterpreterDied,
    NoFrame,
    Outcome,
    Output,
)
from hopyard.driver.interpreters.text import without_java_frames
from hopyard.driver.spark import Spark
from hopyard.protocol.states import Kind

MAX_ROWS = 1000
"""Livy's default (`spark.livy.sql.max-result`)."""
FRAMES = 10
"""Results that are kept to be fetched whole."""
_ZEROS = re.compile(r"\.0+(?=Z|[+-]\d\d:\d\d$)")
"""The empty fraction of a timestamp, which Livy does not write."""


class SqlInterpreter(Interpreter):
    """SQL statements over py4j, on the same session as Python's (so it sees its views)."""

    kind: ClassVar[Kind] = Kind.SQL
    lost_by_restart: ClassVar[str] = "its settings and views are kept"

    def __init__(self, spark: Spark) -> None:
        self._spark = spark
        self._thread = ThreadPoolExecutor(1, "sql")
        self._abandoned: asyncio.Future[None] | None = None
        self._frames: dict[str, Any] = {}
        """The last results, by the job groups of their statements."""

    async def start(self) -> None:
        """Nothing to do: the session is there."""

    async def execute(self, code: Code, output: Output) -> Outcome:
        """Run one SQL statement to its end."""
        loop = asyncio.get_running_loop()
        running = loop.run_in_executor(self._thread, self._execute, code)
        self._abandoned = loop.create_future()
        both: set[asyncio.Future[Any]] = {running, self._abandoned}
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if not running.done():
            raise InterpreterDied("the SQL statement was given up")
        return running.result()

    def _execute(self, code: Code) -> Outcome:
        from py4j.protocol import Py4JJavaError, Py4JNetworkError

        try:
            return Outcome("ok", {"application/json": self._query(code)})
        except Py4JJavaError as error:
            message = str(error.java_exception.getMessage() or error.java_exception.toString())
            name = str(error.java_exception.getClass().getSimpleName())
            text = without_java_frames(message)
            return Outcome("error", ename=name, evalue=text, traceback=(f"{name}: {text}\n",))
        except (Py4JNetworkError, OSError) as error:
            return Outcome("error", ename="SparkGone", evalue=f"Spark does not answer: {error}")

    def _query(self, code: Code) -> dict[str, Any]:
        spark, jvm = self._spark, self._spark.jvm
        # Job groups belong to a thread of the JVM, and py4j gives this thread one of its own.
        spark.session.sparkContext().setJobGroup(code.group, code.description, True)
        frame = spark.session.sql(code.text)
        self._keep(code.group, frame)
        schema = json.loads(frame.schema().json())
        fields = schema["fields"]
        if not fields:
            return {"schema": schema, "data": []}
        # By position, since two columns may have one name.
        names = spark.array("java.lang.String", [str(index) for index in range(len(fields))])
        renamed = frame.limit(MAX_ROWS).toDF(names)
        row = jvm.org.apache.spark.sql.functions.struct("*", spark.array("java.lang.String", []))
        options = {"ignoreNullFields": "false"}
        text = jvm.org.apache.spark.sql.functions.to_json(row, options)
        columns = spark.array("org.apache.spark.sql.Column", [text])
        lines = getattr(renamed.select(columns), "as")(jvm.org.apache.spark.sql.Encoders.STRING())
        # One call for all rows: each element of a list in the JVM would be a call of its own.
        joined = jvm.java.lang.String.join("\n", lines.collectAsList())
        rows = [json.loads(line, parse_float=_number) for line in joined.split("\n") if line]
        return {"schema": schema, "data": [_row(row, fields) for row in rows]}

    def _keep(self, group: str, frame: Any) -> None:
        self._frames[group] = frame
        while len(self._frames) > FRAMES:
            del self._frames[next(iter(self._frames))]

    async def frame(self, group: str, name: str | None) -> Any:
        """Return the whole result of a statement."""
        if name is not None:
            raise NoFrame("Statements of kind 'sql' have no variables: leave ?name= out.")
        if group not in self._frames:
            raise NoFrame(f"The results of the last {FRAMES} SQL statements are kept.")
        return self._frames[group]

    async def complete(self, code: str, cursor: int) -> dict[str, Any]:
        """Return no completions: SQL has none yet."""
        return {
            "status": "ok",
            "matches": [],
            "cursor_start": cursor,
            "cursor_end": cursor,
            "metadata": {},
        }

    async def inspect(self, code: str, cursor: int, detail: int) -> dict[str, Any]:
        """Return nothing: SQL has no documentation here."""
        return {"status": "ok", "found": False, "data": {}, "metadata": {}}

    async def interrupt(self) -> None:
        """Nothing beyond the Spark jobs, which the agent cancels."""

    async def restart(self) -> None:
        """Give up what still runs, and go on in a fresh thread."""
        self._give_up()
        self._thread = ThreadPoolExecutor(1, "sql")

    async def close(self) -> None:
        """Give up what still runs."""
        self._give_up()

    def _give_up(self) -> None:
        if self._abandoned is not None and not self._abandoned.done():
            self._abandoned.set_result(None)
        self._thread.shutdown(wait=False, cancel_futures=True)


def _number(text: str) -> float | str:
    """Return a number; as text where a float would lose digits of a decimal."""
    number = float(text)
    return number if Decimal(repr(number)) == Decimal(text) else text


def _row(row: dict[str, Any], fields: list[dict[str, Any]]) -> list[Any]:
    """Put the values of one row in their order."""
    return [_value(row.get(str(index)), field["type"]) for index, field in enumerate(fields)]


def _value(value: Any, kind: Any) -> Any:
    if kind == "timestamp" and isinstance(value, str):
        return _ZEROS.sub("", value)
    return value
