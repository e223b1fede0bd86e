"""Scala: Spark's own REPL in the driver's JVM."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal

from hopyard.driver.interpreters.base import (
    CannotStart,
    Code,
    Interpreter,
    InterpreterDied,
    NoFrame,
    Outcome,
    Output,
)
from hopyard.driver.interpreters.calls import Calls
from hopyard.driver.interpreters.magics import TABLE, table
from hopyard.driver.interpreters.pipe import Pipe
from hopyard.driver.interpreters.scala_text import Piece, outcome, pieces
from hopyard.driver.workspace import Workspace
from hopyard.protocol.states import Kind

SOURCE = Path(__file__).parent.parent / "scala" / "repl.scala"
ASIDE_TIMEOUT = 20.0
"""For completions: they wait while code is compiled, and the first one takes long."""
OUTPUT_TIMEOUT = 5.0
LINES = 1_000_000
"""Names of classes that one REPL may use: executors remember those of the ones before, and load
those of all sessions of an application from one folder."""
CLOSE_TIMEOUT = 3.0
"""For what still runs in a REPL that is closed."""
Name = Literal["stdout", "stderr"]
STREAMS: tuple[Name, ...] = ("stdout", "stderr")
BIG = "BIGINT_TYPE"
FETCHED = "a DataFrame or another Dataset can be fetched"


class ScalaInterpreter(Interpreter):
    """Scala code, on the same SparkSession as the other kinds of its session."""

    kind: ClassVar[Kind] = Kind.SPARK
    lost_by_restart: ClassVar[str] = "its values and definitions are gone"

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._spark = workspace.spark
        self._statements = Calls("scala")
        self._aside = Calls("scala-aside")
        self._output: Output | None = None
        self._last: Output | None = None
        """That of the statement before."""
        self._pipes: dict[str, Pipe] = {}
        self._repl: Any = None
        self._number = 0

    async def start(self) -> None:
        """Make a REPL in the JVM."""
        from py4j.protocol import Py4JError

        self._number = self._spark.next_repl()
        for name in STREAMS:
            path = self._spark.folder / f"scala-{self._number}-{name}"
            self._pipes[name] = Pipe(path, partial(self._print, name))
        try:
            self._repl = await self._statements.run(self._make)
        except (Py4JError, OSError) as error:
            raise InterpreterDied(f"Scala cannot start: {str(error)[:500]}") from None

    def _make(self) -> Any:
        jvm, nsc = self._spark.jvm, self._spark.jvm.scala.tools.nsc
        settings = nsc.Settings()
        classes = self._spark.classes
        settings.processArgumentString(f"-usejavacp -Yrepl-class-based -Yrepl-outdir {classes}")
        jars = jvm.org.apache.spark.util.Utils.getLocalUserJarsForShell(self._spark.conf)
        settings.classpath().append(jars.mkString(":").replace("file:", ""))
        printed = jvm.java.io.StringWriter()
        writer = jvm.java.io.PrintWriter(printed)
        reporter = nsc.interpreter.shell.ReplReporterImpl(settings, writer)
        getattr(reporter, "maxPrintString_$eq")(0)  # the agent cuts output itself
        loader = jvm.scala.Some(self._spark.loader)
        intp = nsc.interpreter.IMain(settings, loader, settings, reporter)
        intp.initializeCompiler()
        if not intp.compileString(SOURCE.read_text()):
            raise CannotStart(f"Scala cannot start with this Spark: {printed.toString()[:1000]}")
        made = intp.classLoader().loadClass("hopyard.Repl").getConstructors()[0]
        pipes = [str(self._pipes[name].path) for name in STREAMS]
        used = self._number * LINES
        arguments = [intp, printed, self._workspace.session, *pipes, used]
        repl = made.newInstance(self._spark.array("java.lang.Object", arguments))
        if fault := repl.prepare():
            raise CannotStart(f"Scala cannot join the Spark application: {fault[:1000]}")
        return repl

    def _print(self, name: Name, text: str) -> None:
        output = self._output or self._last  # of a thread that outlived its statement: the last
        if output is not None:
            output.stream(name, text)
        else:
            sys.stderr.write(text)

    async def execute(self, code: Code, output: Output) -> Outcome:
        """Run code to its end."""
        from py4j.protocol import Py4JError

        try:
            parts = pieces(code.text)
        except ValueError as error:
            return Outcome("error", ename="Error", evalue=str(error))
        self._output = output
        try:
            return await self._run(parts, code)
        except (Py4JError, OSError) as error:
            why = await self._spark.why_silent(error)
            return Outcome("error", ename="SparkGone", evalue=why)
        finally:
            self._output, self._last = None, output

    async def _run(self, parts: list[Piece], code: Code) -> Outcome:
        texts: list[str] = []
        data: dict[str, Any] = {}
        for part in parts:
            answer = json.loads(
                await self._statements.run(
                    self._repl.execute,
                    part.code,
                    code.group,
                    code.description,
                    code.silent or bool(part.magic),
                    bool(part.magic),
                )
            )
            await self._all_printed(answer)
            if "ok" not in answer:
                return outcome(answer)
            texts.append(answer["ok"])
            if part.magic:
                try:
                    data |= _magic(part.magic, answer.get("value"))
                except ValueError as error:
                    return Outcome("error", ename="TypeError", evalue=str(error))
        text = "".join(texts).rstrip("\n")
        return Outcome("ok", {"text/plain": text} | data if text and not data else data)

    async def _all_printed(self, answer: dict[str, Any]) -> None:
        """Wait for what the code printed: pipes are not in step with py4j."""
        async with asyncio.timeout(OUTPUT_TIMEOUT):
            for name, pipe in self._pipes.items():
                await pipe.until(answer[name])

    async def complete(self, code: str, cursor: int) -> dict[str, Any]:
        """Return completions of the name before the cursor."""
        answer = await self._ask(code, cursor, exact=False)
        matches = answer.get("matches", [])
        return {
            "status": "ok",
            "matches": matches,
            "cursor_start": answer["start"] if matches else cursor,
            "cursor_end": cursor,
            "metadata": {},
        }

    async def inspect(self, code: str, cursor: int, detail: int) -> dict[str, Any]:
        """Return the declarations or the type of the name at the cursor."""
        while cursor < len(code) and (code[cursor].isalnum() or code[cursor] in "_$"):
            cursor += 1
        text = (await self._ask(code, cursor, exact=True)).get("text", "")
        data = {"text/plain": text} if text else {}
        return {"status": "ok", "found": bool(text), "data": data, "metadata": {}}

    async def _ask(self, code: str, cursor: int, exact: bool) -> dict[str, Any]:
        from py4j.protocol import Py4JError

        cursor = max(0, min(cursor, len(code)))
        try:
            async with asyncio.timeout(ASIDE_TIMEOUT):
                asked = self._aside.run(self._repl.complete, code, cursor, exact)
                answer: dict[str, Any] = json.loads(await asked)
                return answer
        except (Py4JError, OSError, TimeoutError):
            return {}

    async def frame(self, group: str, name: str | None) -> Any:
        """Return the DataFrame of a statement or of a name; asked for between statements only."""
        if self._output is not None:
            raise NoFrame("The session runs a statement: ask again when it is done.", busy=True)
        if name is not None and not name.isidentifier():
            raise NoFrame(f"{name!r} is not a name.")
        found, kind = await self._aside.run(self._found, group, name)
        if found is not None:
            return found
        if kind is not None:
            what = "The value of this statement" if name is None else f"'{name}'"
            raise NoFrame(f"{what} is no DataFrame but of type {kind}: {FETCHED}.")
        if name is not None:
            raise NoFrame(f"There is no value '{name}'.")
        raise NoFrame(f"This statement gave no value, or it is not one of the last ten: {FETCHED}.")

    def _found(self, group: str, name: str | None) -> tuple[Any, str | None]:
        """Return a DataFrame, or of what is none, its type."""
        repl = self._repl
        found = repl.frame(group) if name is None else repl.named(name)
        if found is not None:
            return found, None
        return None, repl.kind(group) if name is None else repl.kindNamed(name)

    async def interrupt(self) -> None:
        """Interrupt the thread of the code; stop it if it goes on."""
        from py4j.protocol import Py4JError

        try:
            await self._aside.run(self._repl.interrupt)
        except (Py4JError, OSError) as error:
            sys.stderr.write(f"cannot interrupt Scala: {error}\n")

    async def restart(self) -> None:
        """Leave the old REPL alone with what it runs, and make a fresh one."""
        self._give_up()
        await self.start()

    async def close(self) -> None:
        """Stop what still runs, and leave the JVM to other sessions."""
        from py4j.protocol import Py4JError

        if self._repl is not None:
            with contextlib.suppress(Py4JError, OSError, TimeoutError, InterpreterDied):
                async with asyncio.timeout(CLOSE_TIMEOUT):
                    await self._aside.run(self._repl.interrupt)
                    await self._aside.run(self._repl.close)
        self._repl = None
        self._give_up()

    def _give_up(self) -> None:
        self._statements.give_up()
        self._aside.give_up()
        for pipe in self._pipes.values():
            pipe.close()
        self._pipes = {}


def _magic(name: str, value: Any) -> dict[str, Any]:
    if name == "json":
        return {"application/json": value}
    made = table(value if isinstance(value, list) else [value])
    headers = [
        header | {"type": BIG} if header["type"] == "INT_TYPE" else header
        for header in made["headers"]
    ]
    return {TABLE: made | {"headers": headers}}
