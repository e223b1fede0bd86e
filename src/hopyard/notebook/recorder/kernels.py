"""The server's kernels, each with a tap on what it publishes.

The tap is a subscription of its own that lives as long as the kernel. With it a page that is away
needs no buffer of outputs; JupyterLab's buffer of the other messages stays as it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager

from hopyard import limits
from hopyard.notebook.recorder.outputs import KINDS
from hopyard.notebook.recorder.recorder import Recorder
from hopyard.notebook.recorder.runs import Runs
from hopyard.notebook.recorder.spool import Spool

SPOOL_VARIABLE = "HOPYARD_OUTPUTS_DIR"
WRITE_SECONDS = 0.5
"""How often what was recorded goes to the disk: a server that is killed loses no more."""
PAUSE_SECONDS = 1.0
"""How long a kernel is idle before its notebook is written; a page that loads anew is back."""
LISTEN_SECONDS = 10.0
"""How long a page waits until the tap hears its kernel."""
ASK_SECONDS = 0.1
INPUT_SECONDS = 600.0
INPUT_VARIABLE = "HOPYARD_INPUT_SECONDS"
DELIMITER = b"<IDS|MSG>"
DIED = "The kernel died while this cell ran."
RESTARTED = "The kernel was restarted while this cell ran."
SHUT_DOWN = "The kernel was shut down while this cell ran."
NOBODY = (
    "This cell asked for input and nobody was there for {seconds:.0f} s, so it was interrupted: "
    "run it again with the notebook open."
)


@dataclass
class Tap:
    """A subscription to what one kernel publishes."""

    stream: Any
    ports: list[int]
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by the first message: a subscription takes a moment, and misses what is said before."""


class Kernels(AsyncMappingKernelManager):  # type: ignore[misc]
    """Jupyter's own kernel manager, with a recorder."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.recorder = Recorder(Runs(Spool(_folder(self.root_dir)), _soon), self._settled)
        self._taps: dict[str, Tap] = {}
        self._killed = limits.killed()
        self._followed: set[str] = set()
        self._stdin: dict[str, Any] = {}
        self._patience: dict[str, asyncio.TimerHandle] = {}
        self._writing: set[asyncio.Task[None]] = set()

    def notebooks(self, kernel_id: str) -> list[str]:
        """Return the notebooks that use a kernel."""
        query = "SELECT path FROM session WHERE kernel_id=? AND type='notebook'"
        rows = self.parent.session_manager.cursor.execute(query, (kernel_id,)).fetchall()
        return [row["path"].strip("/") for row in rows]

    def widgets(self, path: str) -> set[str]:
        """Return the widgets that the kernel of a notebook has."""
        query = "SELECT kernel_id FROM session WHERE path=?"
        rows = self.parent.session_manager.cursor.execute(query, (path.strip("/"),)).fetchall()
        return set().union(*(self.recorder.widgets(row["kernel_id"]) for row in rows))

    # --- the tap ---------------------------------------------------------------------------------

    def start_watching_activity(self, kernel_id: str) -> None:
        """Watch a kernel, and record what it publishes."""
        super().start_watching_activity(kernel_id)
        kernel = self.get_kernel(kernel_id)
        self._taps[kernel_id] = tap = Tap(kernel.connect_iopub(), list(kernel.ports))

        def record(parts: list[bytes]) -> None:
            tap.heard.set()
            start = parts.index(DELIMITER) + 2
            header, parent, _, content = parts[start : start + 4]
            self.recorder.published(kernel_id, header, parent, content)

        tap.stream.on_recv(record)
        if kernel_id not in self._followed:
            self._followed.add(kernel_id)
            self.add_restart_callback(kernel_id, partial(self._died, kernel_id, gone=False))
            self.add_restart_callback(kernel_id, partial(self._died, kernel_id, gone=True), "dead")

    def _died(self, kernel_id: str, *, gone: bool) -> None:
        killed, self._killed = limits.killed() - self._killed, limits.killed()
        why = f"The Jupyter server's kernel {limits.ended()}." if killed > 0 else DIED
        self.recorder.ended(kernel_id, why, gone=gone)

    def stop_watching_activity(self, kernel_id: str) -> None:
        """Stop watching a kernel."""
        if (tap := self._taps.pop(kernel_id, None)) and not tap.stream.closed():
            tap.stream.close()
        super().stop_watching_activity(kernel_id)

    async def hear(self, kernel_id: str) -> None:
        """Return when the tap hears a kernel: of a cell that runs now nothing is missed."""
        kernel = self.get_kernel(kernel_id)
        if self._taps[kernel_id].ports != kernel.ports:
            # A kernel that dies as it starts is started again on other ports.
            self.stop_watching_activity(kernel_id)
            self.start_watching_activity(kernel_id)
        heard = self._taps[kernel_id].heard
        if heard.is_set():
            return
        control = kernel.connect_control()
        try:
            async with asyncio.timeout(LISTEN_SECONDS):
                while not heard.is_set():
                    kernel.session.send(control, "kernel_info_request")
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(heard.wait(), ASK_SECONDS)
        except TimeoutError:
            self.log.warning("Kernel %s publishes nothing: its cells may not be kept", kernel_id)
        finally:
            control.close()

    async def shutdown_kernel(
        self, kernel_id: str, now: bool = False, restart: bool = False
    ) -> None:
        """Shut a kernel down: its cells end here."""
        await self._async_shutdown_kernel(kernel_id, now=now, restart=restart)
        self._followed.discard(kernel_id)
        self._forget_stdin(kernel_id)
        self.recorder.ended(kernel_id, SHUT_DOWN, gone=True)

    async def restart_kernel(self, kernel_id: str, now: bool = False) -> Any:
        """Restart a kernel: its cells end here."""
        self._check_kernel_id(kernel_id)
        self.recorder.ended(kernel_id, RESTARTED, gone=False)
        self._forget_stdin(kernel_id)
        return await self._async_restart_kernel(kernel_id, now=now)

    def start_buffering(self, kernel_id: str, session_key: str, channels: dict[str, Any]) -> None:
        """Keep messages for a page that may come back, but no outputs: those are recorded."""
        super().start_buffering(kernel_id, session_key, channels)
        buffer: list[tuple[str, list[bytes]]] = self._kernel_buffers[kernel_id]["buffer"]

        def keep(parts: list[bytes]) -> None:
            start = parts.index(DELIMITER) + 2
            if json.loads(parts[start])["msg_type"] not in KINDS or (
                json.loads(parts[start + 1]).get("msg_id", "") not in self.recorder.runs
            ):
                buffer.append(("iopub", parts))

        channels["iopub"].on_recv(keep)

    # --- what happens when nobody is there -------------------------------------------------------

    def notify_connect(self, kernel_id: str) -> None:
        """A page came: whatever waits for it may wait longer."""
        super().notify_connect(kernel_id)
        if timer := self._patience.pop(kernel_id, None):
            timer.cancel()

    def notify_disconnect(self, kernel_id: str) -> None:
        """A page went; a cell may be waiting for its input."""
        super().notify_disconnect(kernel_id)
        if self.recorder.waiting(kernel_id):
            self._lose_patience(kernel_id)

    def keep_stdin(self, connection: ZMQChannelsWebsocketConnection) -> None:
        """Listen to the input requests of a page that goes while its cells run."""
        kernel_id, channels = connection.kernel_id, connection.channels
        if "stdin" not in channels or not self.recorder.is_going_on(
            kernel_id, connection.session_id
        ):
            return
        self._stdin[connection.session_key] = stream = channels.pop("stdin")
        session = connection.session

        def ask(parts: list[bytes]) -> None:
            _, rest = session.feed_identities(parts)
            parent, content = json.loads(rest[2]), json.loads(rest[4])
            self.recorder.asked({"parent_header": parent, "content": content})
            others = [
                one
                for one in ZMQChannelsWebsocketConnection._open_sockets
                if one.kernel_id == kernel_id and "stdin" in one.channels
            ]
            for other in others:
                other.handle_outgoing_message("stdin", parts)
            if not others:
                self._lose_patience(kernel_id)

        stream.on_recv(ask)

    def take_stdin(self, session_key: str) -> Any:
        """Return the channel that was kept for a page, if one was: it is back."""
        return self._stdin.pop(session_key, None)

    def _forget_stdin(self, kernel_id: str) -> None:
        for key in [key for key in self._stdin if key.startswith(f"{kernel_id}:")]:
            self._stdin.pop(key).close()

    def _lose_patience(self, kernel_id: str) -> None:
        if self.recorder.is_watched(kernel_id) or kernel_id in self._patience:
            return
        seconds = float(os.environ.get(INPUT_VARIABLE, INPUT_SECONDS))
        self._patience[kernel_id] = asyncio.get_running_loop().call_later(
            seconds, lambda: self._do(self._interrupt(kernel_id, seconds))
        )

    async def _interrupt(self, kernel_id: str, seconds: float) -> None:
        self._patience.pop(kernel_id, None)
        run = self.recorder.waiting(kernel_id)
        if run is not None and kernel_id in self and not self.recorder.is_watched(kernel_id):
            self.recorder.say(run, NOBODY.format(seconds=seconds))
            await self.interrupt_kernel(kernel_id)

    def _settled(self, kernel_id: str) -> None:
        """Write what was recorded into the notebook, once, unless something goes on."""

        async def write() -> None:
            await asyncio.sleep(PAUSE_SECONDS)
            if self.recorder.is_watched(kernel_id) or self.recorder.is_running(kernel_id):
                return
            for path in self.recorder.runs.paths(kernel_id):
                await self.parent.contents_manager.write_recorded(path)

        self._do(write())

    def _do(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)


def _soon(function: Callable[[], None]) -> None:
    asyncio.get_running_loop().call_later(WRITE_SECONDS, function)


def _folder(root_dir: str) -> Path:
    """Return the spool: private to the user, and another one for each root folder."""
    if named := os.environ.get(SPOOL_VARIABLE):
        return Path(named)
    return Path.home() / ".hopyard" / "outputs" / root_dir.strip("/").replace("/", "-")
