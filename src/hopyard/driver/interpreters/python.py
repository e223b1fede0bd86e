"""Python: a real ipykernel, joined to the driver's Spark application."""

from __future__ import annotations

import os
import re
import secrets
import sys
from pathlib import Path
from typing import Any, ClassVar

from hopyard import packages
from hopyard.driver.interpreters.base import Code, NoFrame, Outcome
from hopyard.driver.interpreters.jupyter import START_TIMEOUT, JupyterKernel
from hopyard.driver.interpreters.kernel_process import KernelProcess
from hopyard.driver.interpreters.lines import DirectLine, Line
from hopyard.driver.interpreters.pipe import ProcessPipe
from hopyard.driver.interpreters.published import Execution
from hopyard.driver.workspace import Workspace
from hopyard.mask import MaskedLog
from hopyard.protocol.states import Kind

KERNEL = "hopyard.driver.interpreters.kernel"
ATTACH = "hopyard.driver.interpreters.attach"
ROWS = "hopyard.driver.interpreters.rows"
PLOT = re.compile(r"^[\[({]*(<matplotlib|<Axes|<Figure|Text\(|array\(\[+<Axes|<BarContainer)")
"""Text of a matplotlib object: the picture says it better."""


def packages_folder(folder: Path, scratch: str | None, session: int) -> Path:
    """Return where a session's own packages are: on a disk, if there is a folder for scratch."""
    return Path(scratch.split(",")[0] if scratch else folder) / f"packages-{session}"


def python_process(
    folder: Path, environment: dict[str, str], work_dir: str, installed: Path
) -> KernelProcess:
    """Start a kernel's process; early, so that it comes up while the JVM does.

    Args:
        folder: the driver's private one.
        environment: all variables.
        work_dir: the current folder.
        installed: where the session's own packages are, or will be.
    """
    command = [sys.executable, "-P", "-m", KERNEL, str(os.getpid())]
    own = {"IPYTHONDIR": str(folder / "ipython"), **packages.make(installed)}
    return KernelProcess(folder, command, environment | own, work_dir, piped=True)


class PythonInterpreter(JupyterKernel):
    """Python code, in a kernel of its own process.

    Args:
        workspace: its session's part of the Spark application.
        work_dir: the kernel's current folder.
        installed: where the session's own packages are.
        process: one that was started beforehand.
    """

    kind: ClassVar[Kind] = Kind.PYSPARK
    language: ClassVar[str] = "Python"
    asks: ClassVar[bool] = True

    def __init__(
        self,
        workspace: Workspace,
        work_dir: str,
        installed: Path,
        process: KernelProcess | None = None,
    ) -> None:
        self._workspace = workspace
        self._spark = spark = workspace.spark
        self._work_dir = work_dir
        self._installed = installed
        self._log = MaskedLog(spark.mask)
        self._pipes: list[ProcessPipe] = []
        super().__init__(process)

    def _new_process(self) -> KernelProcess:
        spark = self._spark
        return python_process(spark.folder, spark.environment, self._work_dir, self._installed)

    async def start(self) -> None:
        """Connect to the kernel and join it to the Spark application, which must run."""
        await self.connect()
        await self.attach()

    async def connect(self) -> None:
        """Connect to the kernel, and the kernel to the JVM."""
        process = self._kernel.process
        assert process.stdout is not None and process.stderr is not None  # noqa: S101 - piped
        self._pipes = [
            ProcessPipe(stream, self._log.write) for stream in (process.stdout, process.stderr)
        ]
        await self._connect()
        await self._hidden(
            f"__import__({ATTACH!r}, fromlist=['_']).connect("
            f"{self._workspace.port}, {self._workspace.secret!r})"
        )

    async def attach(self) -> None:
        """Make `spark` and `sc` in the kernel."""
        await self._hidden(f"__import__({ATTACH!r}, fromlist=['_']).attach()")
        await self._spark.call(self._workspace.keep_default)

    def _new_line(self, kernel: KernelProcess) -> Line:
        return DirectLine(kernel, self._heard_on)

    def _request(self, code: Code) -> tuple[str, dict[str, Any]]:
        return code.text, {"hopyard": {"group": code.group, "description": code.description}}

    async def _end(self) -> None:
        await super()._end()
        for pipe in self._pipes:
            pipe.read()
            pipe.close()
        self._pipes = []
        self._log.close()

    def _outcome(self, execution: Execution) -> Outcome:
        data = execution.data
        if data and execution.image and PLOT.match(str(data.get("text/plain", ""))):
            execution.data = data | execution.image
        return super()._outcome(execution)

    async def frame(self, group: str, name: str | None) -> Any:
        """Return a DataFrame of the kernel's; asked for between cells only."""
        if self._waiting:
            raise NoFrame("The session runs a statement: ask again when it is done.", busy=True)
        place = secrets.token_hex(8)
        call = f"__import__({ROWS!r}, fromlist=['_']).show_frame({place!r}, {group!r}, {name!r})"
        shown = await self._or_died(self._run(call, None, True, {}), START_TIMEOUT)
        if shown.error is not None:
            raise NoFrame(shown.error.evalue)
        return await self._workspace.take(place)
