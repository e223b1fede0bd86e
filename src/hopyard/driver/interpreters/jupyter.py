"""A Jupyter kernel as an interpreter: a process of its own, spoken to over sockets of this machine.

What a language adds is in its own file: how its process starts, how it joins the driver's Spark
application, how code reaches it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from abc import abstractmethod
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, ClassVar

from hopyard import limits
from hopyard.driver.interpreters.base import (
    Code,
    Interpreter,
    InterpreterDied,
    Outcome,
    Output,
    not_shown,
)
from hopyard.driver.interpreters.kernel_process import KernelProcess
from hopyard.driver.interpreters.lines import Channel, Line, ThreadedLine
from hopyard.driver.interpreters.published import Execution, Fault, take, take_payload
from hopyard.driver.interpreters.text import REFUSED, without_java_frames
from hopyard.driver.process import ended, exit_words, kill_group
from hopyard.driver.spark import SparkFailed

if TYPE_CHECKING:
    from hopyard.driver.interpreters.wire import Message

log = logging.getLogger("hopyard.driver")

START_TIMEOUT = 120.0
ASIDE_TIMEOUT = 5.0
"""For completions: the kernel answers them only between cells."""

SILENT = 5.0
"""Seconds without a word after which a reply without its last output, or the other way round, is
not waited for: user code can break both."""
STATEMENTS = 1000
"""Statements whose threads may still print."""
LATE = ("stream", "display_data", "update_display_data", "clear_output")
UNREADABLE = "The kernel sent something that cannot be read"


class JupyterKernel(Interpreter):
    """Runs code in a kernel.

    Args:
        process: the kernel's process, if it was started beforehand.
    """

    language: ClassVar[str]
    """Its name, for messages."""
    asks: ClassVar[bool] = False
    """Whether its code may ask for input; it must know `REFUSED`."""

    def __init__(self, process: KernelProcess | None = None) -> None:
        self._process = process
        self._died: asyncio.Future[str]
        self._waiting: dict[str, Execution] = {}
        self._aside: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._welcome = asyncio.Event()
        self._over: OrderedDict[str, Output] = OrderedDict()
        """Where what comes late of a request goes."""
        self._heard = 0.0
        """When the kernel last sent anything."""

    @abstractmethod
    def _new_process(self) -> KernelProcess:
        """Start a process.

        Raises:
            CannotStart: something for it is not installed.
        """

    @abstractmethod
    def _request(self, code: Code) -> tuple[str, dict[str, Any]]:
        """Return the code as the kernel gets it, and metadata for it."""

    @property
    def _kernel(self) -> KernelProcess:
        if self._process is None:
            self._process = self._new_process()
        return self._process

    async def _connect(self) -> None:
        """Connect to the kernel's process, which is started if it does not run yet."""
        from hopyard.driver.interpreters.wire import Wire

        kernel = self._kernel
        self._wire = Wire(kernel.key.encode())
        self._welcome.clear()
        self._died = asyncio.get_running_loop().create_future()
        self._line = self._new_line(kernel)
        self._tasks = [asyncio.create_task(self._watch(kernel))]
        await self._or_died(self._reached(), START_TIMEOUT)
        kernel.file.unlink(missing_ok=True)

    async def _reached(self) -> None:
        """Wait until what the kernel publishes arrives here."""
        await self._welcome.wait()

    async def _hidden(self, code: str) -> None:
        execution = await self._or_died(self._run(code, None, True, {}), START_TIMEOUT)
        if execution.error is not None:
            raise SparkFailed(
                f"{self.language} cannot join the Spark application: "
                f"{execution.error.ename}: {execution.error.evalue}"
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
        raise InterpreterDied(f"{self.language} did not answer for {timeout:.0f} seconds")

    async def _watch(self, kernel: KernelProcess) -> None:
        killed = limits.killed()
        code = await ended(kernel.process)
        words = f"{self.language} ended ({exit_words(code)})"
        if code == -signal.SIGKILL and limits.killed() > killed:
            words = f"{self.language} {limits.ended()}"
        elif code == -signal.SIGKILL:
            words += ", most likely because the machine or the container ran out of memory"
        if not self._died.done():
            await asyncio.sleep(0.05)  # let its last output arrive
            self._die(words)

    def _die(self, words: str) -> None:
        """Tell all that waits for the kernel that it is gone."""
        self._died.set_result(words)
        for execution in self._waiting.values():
            if not execution.over.done():
                execution.over.set_exception(InterpreterDied(words))

    def _new_line(self, kernel: KernelProcess) -> Line:
        """Open what leads to the kernel."""
        return ThreadedLine(kernel, self._heard_on)

    def _heard_on(self, channel: Channel, frames: list[bytes]) -> None:
        """Take a message; what is wrong with it ends its own execution only."""
        message = self._wire.read(frames)
        if message is None:
            return
        self._heard = asyncio.get_running_loop().time()
        try:
            if message.fault is not None:
                raise ValueError(f"{UNREADABLE}: {message.fault}")
            if channel is Channel.ASKED:
                self._asked(message)
            elif channel is Channel.REPLIED or message.type.endswith("_reply"):
                self._replied(message)
            else:
                self._published(message)
        except Exception as error:  # whatever it is: the next message is read too
            log.exception("a message of the kernel (%s) cannot be taken", message.type)
            self._not_taken(message, error)

    def _not_taken(self, message: Message, error: Exception) -> None:
        execution = self._waiting.get(message.parent)
        if execution is None:
            if (answer := self._aside.get(message.parent)) and not answer.done():
                answer.set_result({})
            return
        execution.error = execution.error or Fault(*not_shown(error))
        if message.type == "execute_reply" and execution.reply is None:
            execution.reply = {"status": "error"}
        self._progress(execution)

    def _replied(self, message: Message) -> None:
        if execution := self._waiting.get(message.parent):
            if execution.reply is None:
                execution.reply = message.content
            self._progress(execution)
        elif (answer := self._aside.get(message.parent)) and not answer.done():
            answer.set_result(message.content)

    def _published(self, message: Message) -> None:
        self._welcome.set()
        if execution := self._waiting.get(message.parent):
            self._take(execution, message)
            if execution.idle:
                self._progress(execution)
        elif (output := self._over.get(message.parent)) and message.type in LATE:
            # A thread of code that is over, and its output is at its place all the same.
            over = asyncio.get_running_loop().create_future()
            take(Execution(output, over), message.type, message.content)

    def _take(self, execution: Execution, message: Message) -> None:
        """Take a message that the kernel published for an execution."""
        take(execution, message.type, message.content)

    def _asked(self, message: Message) -> None:
        """Pass on what code asks for; it waits, so there is one question at a time."""
        execution = self._waiting.get(message.parent)
        if execution is not None and execution.output is not None:
            answering = self._answer(execution.output, message.content)
            execution.answering = asyncio.create_task(answering)

    async def _answer(self, output: Output, asked: dict[str, Any]) -> None:
        answer = await output.ask(str(asked.get("prompt", "")), bool(asked.get("password")))
        value = REFUSED + answer.reason if answer.value is None else answer.value
        content = {"value": value}
        self._line.answer(self._wire.request("input_reply", content)[1])

    async def _run(
        self, code: str, output: Output | None, silent: bool, metadata: dict[str, Any]
    ) -> Execution:
        content = {
            "code": code,
            "silent": silent,
            "store_history": not silent,
            "user_expressions": {},
            "allow_stdin": self.asks and output is not None,
            "stop_on_error": False,
        }
        identity, frames = self._wire.request("execute_request", content, metadata)
        execution = Execution(output, asyncio.get_running_loop().create_future())
        if self._died.done():
            raise InterpreterDied(self._died.result())
        self._waiting[identity] = execution
        try:
            self._line.ask(frames)
            await execution.over
            reply = execution.reply or {
                "ename": "NoReply",
                "evalue": f"{self.language} gave no reply: it cannot be sent",
            }
        finally:
            del self._waiting[identity]
            if output is not None:
                self._over[identity] = output
                if len(self._over) > STATEMENTS:
                    self._over.popitem(last=False)
            for pending in (execution.answering, execution.missing):
                if pending is not None:
                    pending.cancel()
        if output is not None:
            take_payload(output, reply.get("payload"))
        if reply.get("status") != "ok" and execution.error is None:
            aborted = {"ename": "Aborted", "evalue": "the kernel did not run this"}
            execution.error = Fault.of(aborted | reply)
        return execution

    def _progress(self, execution: Execution) -> None:
        """See whether an execution is over; if not, that what is missing comes in time."""
        if execution.over.done():
            return
        if execution.reply is not None and execution.idle:
            execution.over.set_result(None)
            return
        if execution.missing is None and (execution.reply is not None or execution.idle):
            loop = asyncio.get_running_loop()
            execution.missing = loop.call_later(SILENT, self._miss, execution)

    def _miss(self, execution: Execution) -> None:
        loop = asyncio.get_running_loop()
        left = self._heard + SILENT - loop.time()
        if execution.over.done():
            return
        if left > 0:
            execution.missing = loop.call_later(left, self._miss, execution)
        else:
            execution.over.set_result(None)

    async def execute(self, code: Code, output: Output) -> Outcome:
        """Run code to its end."""
        text, metadata = self._request(code)
        execution = await self._run(text, output, code.silent, metadata)
        if (error := execution.error) is not None:
            evalue = without_java_frames(error.evalue)
            return Outcome("error", ename=error.ename, evalue=evalue, traceback=error.traceback)
        return self._outcome(execution)

    def _outcome(self, execution: Execution) -> Outcome:
        """Return the result of code that did not fail."""
        if execution.data is None:
            return Outcome("ok", execution.image)
        return Outcome("ok", execution.data, execution.metadata)

    async def _ask(self, kind: str, content: dict[str, Any]) -> dict[str, Any] | None:
        """Ask the kernel something beside the cells; None when it is busy."""
        identity, frames = self._wire.request(kind, content)
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._aside[identity] = answer
        try:
            self._line.ask(frames)
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

    async def interrupt(self) -> None:
        """Send SIGINT to the kernel and to what the cell started."""
        if self._process is not None:
            kill_group(self._process.process, signal.SIGINT)

    async def restart(self) -> None:
        """Replace the kernel by a fresh one on the same Spark application."""
        await self._end()
        await self.start()

    async def close(self) -> None:
        """End the kernel."""
        await self._end()

    async def _end(self) -> None:
        kernel, self._process = self._process, None
        if kernel is None:
            return
        kill_group(kernel.process)
        code = await ended(kernel.process)
        if self._tasks and not self._died.done():
            self._die(f"{self.language} was ended ({exit_words(code)})")
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        if self._tasks:
            self._tasks = []
            self._line.close()
        kernel.remove_files()
