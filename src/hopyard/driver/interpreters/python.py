"""Python: a real ipykernel, joined to the driver's Spark application."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import secrets
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
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
from hopyard.driver.process import ended, exit_words, kill_group
from hopyard.driver.spark import Spark, SparkFailed
from hopyard.protocol.states import Kind

START_TIMEOUT = 120.0
ASIDE_TIMEOUT = 5.0
"""For completions: the kernel answers them only between cells."""
KERNEL = "hopyard.driver.interpreters.kernel"
ATTACH = "hopyard.driver.interpreters.attach"
PLOT = re.compile(r"^[\[({]*(<matplotlib|<Axes|<Figure|Text\(|array\(\[+<Axes|<BarContainer)")
"""Text of a matplotlib object: the picture says it better."""


class KernelProcess:
    """The kernel's process; made early, so that it comes up while the JVM does."""

    def __init__(self, folder: Path, environment: dict[str, str], work_dir: str) -> None:
        self.key = secrets.token_hex(32)
        self.base = folder / f"kernel-{secrets.token_hex(4)}"
        """The common beginning of the names of its sockets."""
        file = self.base.with_suffix(".json")
        ports = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")
        content = {
            "transport": "ipc",
            "ip": str(self.base),
            "key": self.key,
            "signature_scheme": "hmac-sha256",
        } | {port: number for number, port in enumerate(ports, 1)}
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            json.dump(content, stream)
        self.file = file
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", KERNEL, str(file), str(os.getpid())],
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            stderr=sys.stderr,
            cwd=work_dir,
            env=environment | {"IPYTHONDIR": str(folder / "ipython")},
            start_new_session=True,
        )

    def address(self, port: int) -> str:
        """Return the address of one of its sockets."""
        return f"ipc://{self.base}-{port}"

    def remove_files(self) -> None:
        """Delete what it left in the folder."""
        for path in (self.file, *self.base.parent.glob(f"{self.base.name}-*")):
            path.unlink(missing_ok=True)


@dataclass
class _Execution:
    """A request that runs code, and what came back of it."""

    output: Output | None
    reply: asyncio.Future[dict[str, Any]]
    idle: asyncio.Event = field(default_factory=asyncio.Event)
    data: dict[str, Any] | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    image: dict[str, Any] = field(default_factory=dict)
    """The last picture that was displayed."""
    error: dict[str, Any] | None = None


class PythonInterpreter(Interpreter):
    """Python code, in a kernel of its own process.

    Args:
        spark: the driver's JVM.
        work_dir: the kernel's current folder.
        process: one that was started beforehand.
    """

    kind: ClassVar[Kind] = Kind.PYSPARK
    lost_by_restart: ClassVar[str] = "its variables are gone"

    def __init__(self, spark: Spark, work_dir: str, process: KernelProcess | None = None) -> None:
        self._spark = spark
        self._work_dir = work_dir
        self._kernel = process or self._new_process()
        self._died: asyncio.Future[str]
        self._waiting: dict[str, _Execution] = {}
        self._aside: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._welcome = asyncio.Event()

    def _new_process(self) -> KernelProcess:
        return KernelProcess(self._spark.folder, self._spark.environment, self._work_dir)

    async def start(self) -> None:
        """Connect to the kernel and join it to the Spark application, which must run."""
        await self.connect()
        await self.attach()

    async def connect(self) -> None:
        """Connect to the kernel, and the kernel to the JVM."""
        import zmq
        import zmq.asyncio

        from hopyard.driver.interpreters.wire import Wire

        kernel = self._kernel
        self._wire = Wire(kernel.key.encode())
        self._zmq = zmq.asyncio.Context()
        self._shell = self._zmq.socket(zmq.DEALER)
        self._iopub = self._zmq.socket(zmq.SUB)
        for socket in (self._shell, self._iopub):
            socket.linger = 0
            socket.rcvhwm = 0
        self._iopub.subscribe(b"")
        self._shell.connect(kernel.address(1))
        self._iopub.connect(kernel.address(2))
        self._welcome.clear()
        self._died = asyncio.get_running_loop().create_future()
        self._tasks = [
            asyncio.create_task(self._read_shell()),
            asyncio.create_task(self._read_iopub()),
            asyncio.create_task(self._watch(kernel)),
        ]
        await self._or_died(self._welcome.wait(), START_TIMEOUT)
        kernel.file.unlink(missing_ok=True)
        await self._hidden(
            f"__import__({ATTACH!r}, fromlist=['_']).connect("
            f"{self._spark.port}, {self._spark.secret!r})"
        )

    async def attach(self) -> None:
        """Make `spark` and `sc` in the kernel."""
        await self._hidden(f"__import__({ATTACH!r}, fromlist=['_']).attach()")

    async def _hidden(self, code: str) -> None:
        execution = await self._or_died(self._run(code, None, True, {}), START_TIMEOUT)
        if execution.error is not None:
            raise SparkFailed(
                "Python cannot join the Spark application: "
                f"{execution.error['ename']}: {execution.error['evalue']}"
            )

    async def _or_died(self, wanted: Any, timeout: float | None = None) -> Any:
        """Wait for something, but no longer than the kernel lives."""
        task = asyncio.ensure_future(wanted)
        await asyncio.wait({task, self._died}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        task.cancel()
        if self._died.done():
            raise InterpreterDied(self._died.result())
        raise InterpreterDied(f"Python did not answer for {timeout:.0f} seconds")

    async def _watch(self, kernel: KernelProcess) -> None:
        code = await ended(kernel.process)
        words = f"Python ended ({exit_words(code)})"
        if code == -signal.SIGKILL:
            words += ", most likely because the machine or the container ran out of memory"
        if not self._died.done():
            await asyncio.sleep(0.05)  # let its last output arrive
            self._died.set_result(words)

    async def _read_shell(self) -> None:
        while True:
            message = self._wire.read(await self._shell.recv_multipart())
            if message is None:
                continue
            if execution := self._waiting.get(message.parent):
                if not execution.reply.done():
                    execution.reply.set_result(message.content)
            elif (answer := self._aside.get(message.parent)) and not answer.done():
                answer.set_result(message.content)

    async def _read_iopub(self) -> None:
        while True:
            message = self._wire.read(await self._iopub.recv_multipart())
            self._welcome.set()
            execution = self._waiting.get(message.parent) if message else None
            if message is not None and execution is not None:
                _take(execution, message.type, message.content)

    async def _run(
        self, code: str, output: Output | None, silent: bool, metadata: dict[str, Any]
    ) -> _Execution:
        content = {
            "code": code,
            "silent": silent,
            "store_history": not silent,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": False,
        }
        identity, frames = self._wire.request("execute_request", content, metadata)
        execution = _Execution(output, asyncio.get_running_loop().create_future())
        self._waiting[identity] = execution
        try:
            await self._shell.send_multipart(frames)
            reply = await execution.reply
            await execution.idle.wait()
        finally:
            del self._waiting[identity]
        if reply["status"] != "ok" and execution.error is None:
            execution.error = {
                "ename": reply.get("ename", "Aborted"),
                "evalue": reply.get("evalue", "the kernel did not run this"),
                "traceback": reply.get("traceback", []),
            }
        return execution

    async def execute(self, code: Code, output: Output) -> Outcome:
        """Run code to its end."""
        metadata = {"hopyard": {"group": code.group, "description": code.description}}
        execution: _Execution = await self._or_died(
            self._run(code.text, output, code.silent, metadata)
        )
        if execution.error is not None:
            return Outcome(
                "error",
                ename=execution.error["ename"],
                evalue=without_java_frames(execution.error["evalue"]),
                traceback=tuple(execution.error["traceback"]),
            )
        data = execution.data
        if data is None:
            return Outcome("ok", execution.image)
        if execution.image and PLOT.match(str(data.get("text/plain", ""))):
            data = data | execution.image
        return Outcome("ok", data, execution.metadata)

    async def _ask(self, kind: str, content: dict[str, Any]) -> dict[str, Any] | None:
        """Ask the kernel something beside the cells; None when it is busy."""
        identity, frames = self._wire.request(kind, content)
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._aside[identity] = answer
        try:
            await self._shell.send_multipart(frames)
            async with asyncio.timeout(ASIDE_TIMEOUT):
                return await answer
        except TimeoutError:
            return None
        finally:
            del self._aside[identity]

    async def complete(self, code: str, cursor: int) -> dict[str, Any]:
        """Return completions; none while a cell runs for long."""
        answer = await self._ask("complete_request", {"code": code, "cursor_pos": cursor})
        return answer or {
            "status": "ok",
            "matches": [],
            "cursor_start": cursor,
            "cursor_end": cursor,
            "metadata": {},
        }

    async def inspect(self, code: str, cursor: int, detail: int) -> dict[str, Any]:
        """Return documentation; none while a cell runs for long."""
        answer = await self._ask(
            "inspect_request", {"code": code, "cursor_pos": cursor, "detail_level": detail}
        )
        return answer or {"status": "ok", "found": False, "data": {}, "metadata": {}}

    async def frame(self, group: str, name: str | None) -> Any:
        """Return a DataFrame of the kernel's; asked for between cells only."""
        if self._waiting:
            raise NoFrame("The session runs a statement: ask again when it is done.", busy=True)
        view = f"hopyard_{secrets.token_hex(8)}"
        call = f"__import__({ATTACH!r}, fromlist=['_']).show_frame({view!r}, {group!r}, {name!r})"
        shown = await self._or_died(self._run(call, None, True, {}), START_TIMEOUT)
        if shown.error is not None:
            raise NoFrame(shown.error["evalue"])
        return await self._spark.call(self._spark.take_view, view)

    async def interrupt(self) -> None:
        """Send SIGINT to the kernel and to what the cell started."""
        kill_group(self._kernel.process, signal.SIGINT)

    async def restart(self) -> None:
        """Replace the kernel by a fresh one on the same Spark application."""
        await self._end()
        self._kernel = self._new_process()
        await self.start()

    async def close(self) -> None:
        """End the kernel."""
        await self._end()

    async def _end(self) -> None:
        kill_group(self._kernel.process)
        code = await ended(self._kernel.process)
        if self._tasks and not self._died.done():
            self._died.set_result(f"Python was ended ({exit_words(code)})")
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        if self._tasks:
            self._tasks = []
            self._zmq.destroy(linger=0)
        self._kernel.remove_files()


def _take(execution: _Execution, kind: str, content: dict[str, Any]) -> None:
    """Take a message that the kernel published for an execution."""
    output = execution.output
    if kind == "status":
        if content["execution_state"] == "idle":
            execution.idle.set()
    elif kind == "error":
        execution.error = content
    elif kind == "execute_result":
        execution.data, execution.metadata = content["data"], content["metadata"]
    elif output is None:
        return
    elif kind == "stream":
        output.stream(content["name"], content["text"])
    elif kind == "display_data" and content["metadata"].pop("hopyard", None):
        execution.data = content["data"]  # one of Livy's magics: it is the result
    elif kind in ("display_data", "update_display_data"):
        data = content["data"]
        if "image/png" in data and kind == "display_data":
            execution.image = {"image/png": data["image/png"]}
        output.display(
            data,
            content["metadata"],
            content.get("transient", {}),
            update=kind == "update_display_data",
        )
