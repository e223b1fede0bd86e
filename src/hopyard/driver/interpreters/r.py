"""R: an IRkernel, joined to the driver's Spark application through Spark's RBackend.

IRkernel carries the messages; `r/run.R` runs the code and lets R write to the process's own stdout
and stderr, which are read here, so that output flows while an expression runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import shutil
import sys
from typing import Any, ClassVar, Literal

from hopyard.driver.interpreters.base import (
    CannotStart,
    Code,
    InterpreterDied,
    NoFrame,
    Outcome,
    Output,
)
from hopyard.driver.interpreters.jupyter import START_TIMEOUT, JupyterKernel
from hopyard.driver.interpreters.kernel_process import KernelProcess
from hopyard.driver.interpreters.pipe import ProcessPipe
from hopyard.driver.interpreters.published import Execution
from hopyard.driver.interpreters.text import REFUSED, unix_lines
from hopyard.driver.interpreters.wire import Message
from hopyard.driver.sparkr import BACKEND_SECONDS, SOURCES
from hopyard.driver.workspace import Workspace
from hopyard.mask import MaskedLog
from hopyard.protocol.states import Kind

INSTALL = (
    "install R with its Jupyter kernel where the driver runs "
    "(Debian, Ubuntu: apt-get install r-base-core r-cran-irkernel r-cran-jsonlite)."
)
BACKEND_THREADS = "16"
"""Each connection stays on one thread; an interrupted call may hold its thread for a while."""
GREET_AGAIN = 0.3


class RInterpreter(JupyterKernel):
    """R code, in a kernel of its own process.

    Args:
        workspace: its session's part of the Spark application.
        work_dir: the kernel's current folder.
    """

    kind: ClassVar[Kind] = Kind.SPARKR
    language: ClassVar[str] = "R"
    asks: ClassVar[bool] = True

    def __init__(self, workspace: Workspace, work_dir: str) -> None:
        super().__init__()
        self._workspace = workspace
        self._spark = spark = workspace.spark
        self._work_dir = work_dir
        self._backend: Any = None
        self._pipes: list[ProcessPipe] = []
        self._output: Output | None = None
        self._last: Output | None = None
        """That of the statement before."""
        self._log = MaskedLog(spark.mask)
        self._last_words = ""

    def _new_process(self) -> KernelProcess:
        environment = self._spark.environment
        program = shutil.which("R", path=environment.get("PATH"))
        if program is None:
            raise CannotStart(f"R is not installed: {INSTALL}")
        command = [sys.executable, "-P", "-m", "hopyard.driver.child", str(os.getpid()), program]
        command += ["--no-echo", "--no-save", "--no-restore", "-e", "IRkernel::main()", "--args"]
        return KernelProcess(self._spark.folder, command, environment, self._work_dir, piped=True)

    async def start(self) -> None:
        """Start the kernel and join it to the Spark application, which must run."""
        process = self._kernel.process
        assert process.stdout is not None and process.stderr is not None  # noqa: S101 - piped
        self._pipes = [
            ProcessPipe(process.stdout, lambda text: self._say("stdout", text)),
            ProcessPipe(process.stderr, lambda text: self._say("stderr", text)),
        ]
        try:
            await self._connect()
        except InterpreterDied:
            if "IRkernel" in self._last_words:
                raise CannotStart(f"R has no package IRkernel: {INSTALL}") from None
            raise
        port, secret, shelf = await self._spark.call(self._open_backend)
        folder, home = map(json.dumps, (str(SOURCES), self._spark.environment["SPARK_HOME"]))
        # Nothing of it is on a command line or in an environment.
        await self._hidden(
            f'sys.source(file.path({folder}, "run.R"), attach(NULL, name = "hopyard"))\n'
            f'as.environment("hopyard")$join({folder}, {home}, "{port}", "{secret}", "{shelf}")\n'
            f'as.environment("hopyard")$let_ask({json.dumps(REFUSED)})'
        )

    def _open_backend(self) -> tuple[int, str, str]:
        """Return its port, its secret, and the name by which it knows the shelf."""
        jvm = self._spark.jvm
        jvm.System.setProperty("spark.r.backendConnectionTimeout", BACKEND_SECONDS)
        jvm.System.setProperty("spark.r.numRBackendThreads", BACKEND_THREADS)
        self._backend = jvm.org.apache.spark.api.r.RBackend()
        opened = self._backend.init()
        shelf = self._backend.jvmObjectTracker().addAndGetId(self._workspace.shelf)
        return opened._1(), opened._2().secret(), shelf.id()

    async def _reached(self) -> None:
        # It says nothing by itself, and what it says before we listen is lost.
        while not self._welcome.is_set():
            _, frames = self._wire.request("kernel_info_request", {})
            self._line.ask(frames)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GREET_AGAIN):
                    await self._welcome.wait()

    def _request(self, code: Code) -> tuple[str, dict[str, Any]]:
        # A JSON string is one of R's, but for the character that R's strings cannot have.
        text = unix_lines(code.text).replace("\0", "")
        words = (
            json.dumps(word, ensure_ascii=False) for word in (text, code.group, code.description)
        )
        return f'as.environment("hopyard")$run({", ".join(words)})', {}

    async def _run(
        self, code: str, output: Output | None, silent: bool, metadata: dict[str, Any]
    ) -> Execution:
        # Of silent code IRkernel does not even say that it failed.
        return await super()._run(code, output, False, metadata)

    async def execute(self, code: Code, output: Output) -> Outcome:
        """Run code to its end."""
        self._output = output
        try:
            return await super().execute(code, output)
        finally:
            for pipe in self._pipes:
                pipe.read_to_the_end()
            self._output, self._last = None, output

    def _take(self, execution: Execution, message: Message) -> None:
        if message.type == "display_data":
            self._read_pipes()  # what was printed before
        super()._take(execution, message)

    def _read_pipes(self) -> None:
        for pipe in self._pipes:
            pipe.read()

    def _say(self, name: Literal["stdout", "stderr"], text: str) -> None:
        output = self._output or self._last
        if output is not None:  # R does not say what a background process belongs to: to the last
            output.stream(name, text)
            return
        self._last_words = (self._last_words + text)[-2000:]
        self._log.write(text)

    async def frame(self, group: str, name: str | None) -> Any:
        """Return a DataFrame of R's or of Spark's; asked for between cells only."""
        if self._waiting:
            raise NoFrame("The session runs a statement: ask again when it is done.", busy=True)
        place = secrets.token_hex(8)
        wanted = "NULL" if name is None else json.dumps(name, ensure_ascii=False)
        call = f'as.environment("hopyard")$show_frame("{place}", "{group}", {wanted})'
        shown = await self._or_died(self._run(call, None, True, {}), START_TIMEOUT)
        if shown.error is not None:
            raise NoFrame(shown.error.evalue)
        return await self._workspace.take(place)

    async def _end(self) -> None:
        from py4j.protocol import Py4JError

        self._last = None
        await super()._end()
        self._read_pipes()
        for pipe in self._pipes:
            pipe.close()
        self._pipes = []
        backend, self._backend = self._backend, None
        if backend is not None:
            with contextlib.suppress(Py4JError, OSError):
                await self._spark.call(backend.close)
