"""SQL: run in the driver's JVM, answered as Livy does: `{schema, data}`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from hopyard.driver.casts import cast, numbered
from hopyard.driver.interpreters.base import (
    Code,
    Interpreter,
    NoFrame,
    Outcome,
    Output,
)
from hopyard.driver.interpreters.calls import Calls
from hopyard.driver.interpreters.sql_names import Names
from hopyard.driver.interpreters.sql_statements import statements
from hopyard.driver.interpreters.sql_text import OPTIONS, expression, number, row, whole
from hopyard.driver.interpreters.text import without_java_frames
from hopyard.driver.shapes import for_json
from hopyard.driver.workspace import Workspace
from hopyard.protocol.states import Kind

T = TypeVar("T")

MAX_ROWS = 1000
"""Livy's default (`spark.livy.sql.max-result`)."""
FRAMES = 10
"""Results that are kept to be fetched whole."""
ASIDE_TIMEOUT = 20.0
"""For completions: the first one makes Spark load much of its catalogue."""


class SqlInterpreter(Interpreter):
    """SQL statements over py4j, on the same session as Python's (so it sees its views)."""

    kind: ClassVar[Kind] = Kind.SQL
    lost_by_restart: ClassVar[str] = "its settings and views are kept"

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._spark = workspace.spark
        self._calls = Calls("sql")
        self._aside = Calls("sql-aside")
        self._names = Names(workspace)
        self._frames: dict[str, Any] = {}
        """The last results, by the job groups of their statements."""

    async def start(self) -> None:
        """Nothing to do: the session is there."""

    async def execute(self, code: Code, output: Output) -> Outcome:
        """Run one SQL statement to its end."""
        from py4j.protocol import Py4JNetworkError

        try:
            return await self._calls.run(self._execute, code)
        except (Py4JNetworkError, OSError) as error:
            why = await self._spark.why_silent(error)
            return Outcome("error", ename="SparkGone", evalue=why)

    def _execute(self, code: Code) -> Outcome:
        from py4j.protocol import Py4JJavaError

        try:
            return Outcome("ok", {"application/json": self._query(code)})
        except Py4JJavaError as error:
            message = str(error.java_exception.getMessage() or error.java_exception.toString())
            name = str(error.java_exception.getClass().getSimpleName())
            text = without_java_frames(message)
            return Outcome("error", ename=name, evalue=text, traceback=(f"{name}: {text}\n",))

    def _query(self, code: Code) -> dict[str, Any]:
        spark, jvm = self._spark, self._spark.jvm
        # Job groups belong to a thread of the JVM, and py4j gives this thread one of its own.
        session = self._workspace.session
        session.sparkContext().setJobGroup(code.group, code.description, True)
        *before, last = statements(jvm, session, code.text)
        for text in before:
            session.sql(text)
        frame = session.sql(last)
        self._keep(code.group, frame)
        schema = json.loads(frame.schema().json())
        fields = schema["fields"]
        if not fields:
            return {"schema": schema, "data": []}
        # By position, at every depth, since two columns or fields may have one name.
        kinds = [for_json(field["type"]) for field in fields]
        made = numbered(spark, frame.limit(MAX_ROWS))
        made = cast(spark, made, fields, kinds)
        shown = [
            f"{expression(kind, f'`{index}`')} as `{index}`" for index, kind in enumerate(kinds)
        ]
        made = made.selectExpr(spark.array("java.lang.String", shown))
        functions = jvm.org.apache.spark.sql.functions
        together = functions.struct("*", spark.array("java.lang.String", []))
        columns = spark.array("org.apache.spark.sql.Column", [functions.to_json(together, OPTIONS)])
        lines = getattr(made.select(columns), "as")(jvm.org.apache.spark.sql.Encoders.STRING())
        # One call for all rows: each element of a list in the JVM would be a call of its own.
        joined = jvm.java.lang.String.join("\n", lines.collectAsList())
        rows = [
            json.loads(line, parse_float=number, parse_int=whole)
            for line in joined.split("\n")
            if line
        ]
        return {"schema": schema, "data": [row(values, fields) for values in rows]}

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
        """Return columns, tables, functions and keywords that the word before the cursor starts."""
        cursor = max(0, min(cursor, len(code)))
        start, matches = await self._ask(self._names.complete, code, cursor) or (cursor, [])
        return {
            "status": "ok",
            "matches": matches,
            "cursor_start": start,
            "cursor_end": cursor,
            "metadata": {},
        }

    async def inspect(self, code: str, cursor: int, detail: int) -> dict[str, Any]:
        """Return the columns of the table, or the description of the function, at the cursor."""
        text = await self._ask(self._names.describe, code, cursor)
        data = {"text/plain": text} if text else {}
        return {"status": "ok", "found": bool(text), "data": data, "metadata": {}}

    async def _ask(self, function: Callable[[str, int], T], code: str, cursor: int) -> T | None:
        from py4j.protocol import Py4JError

        try:
            async with asyncio.timeout(ASIDE_TIMEOUT):
                return await self._aside.run(function, code, cursor)
        except (Py4JError, OSError, TimeoutError):
            return None

    async def interrupt(self) -> None:
        """Nothing beyond the Spark jobs, which the agent cancels."""

    async def restart(self) -> None:
        """Give up what still runs, and go on in a fresh thread."""
        self._calls.give_up()
        self._aside.give_up()

    async def close(self) -> None:
        """Give up what still runs."""
        self._calls.give_up()
        self._aside.give_up()
