"""Starts the platform's processes, starts again what dies, stops all.

- A child dies with its supervisor, also when that is killed with -9 (parent-death signal).
- A child that dies is started again, at once the first time, then with a growing delay; one that
  ran for a minute starts afresh.
- A child's listening sockets are made here and handed down: nobody can take its port while it is
  started again.
- A child that does not answer any more is killed, and so started again: one that is stopped
  (SIGSTOP) soon, any other only after so long that a busy machine does not count.
- A child's log has a limit: who asks for what is not there writes to it.
- A child has its own session: Ctrl-C reaches the supervisor only, which stops them in order.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from hopyard import handed
from hopyard.cli.frame import rotate
from hopyard.errors import SetupError
from hopyard.handed import Keeper
from hopyard.launchers import limits

PR_SET_PDEATHSIG = 1
STEADY_SECONDS = 60.0
DELAY_MAX = 30.0
KILL_SECONDS = 5.0
POLL_SECONDS = 0.05
LOOK_SECONDS = 5.0
"""Between two looks at a child: whether it still answers, how large its log is."""
SILENT_SECONDS = 60.0
"""A child that has not answered for so long, asked again and again, is killed."""
STOPPED_SECONDS = 10.0
"""The same for one that is stopped: no load of the machine looks like that."""

Say = Callable[[str], None]


@dataclass
class Child:
    """One process of the platform.

    Attributes:
        ready: says whether it answers as it should.
        lives: says whether it answers at all; None: its answers are not looked at.
        env: its environment; what its sockets need is added.
        sockets: what it listens on.
        keeper: keeps the sockets that it makes itself.
        again: is awaited after it was started again and is ready.
        stop_signal: asks it to end in order.
        stop_seconds: how long it may take for that before it is killed.
        log_most: bytes of its log; above it loses its middle.
    """

    name: str
    command: list[str]
    log: Path
    ready: Callable[[], Awaitable[bool]]
    lives: Callable[[], Awaitable[bool]] | None = None
    env: dict[str, str] = field(default_factory=dict)
    sockets: list[socket.socket] = field(default_factory=list)
    keeper: Keeper | None = None
    ready_seconds: float = 60.0
    again: Callable[[], Awaitable[None]] | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 10.0
    log_most: int = 100 * 2**20
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process; its output goes to its log."""
        libc = ctypes.CDLL(None)
        parent = os.getpid()

        def die_with_parent() -> None:
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(1)

        sockets, env = self.sockets, self.env
        passed = []
        if self.keeper:
            sockets, env = [*sockets, *self.keeper.sockets], env | self.keeper.variables
            passed.append(self.keeper.theirs.fileno())
        descriptor = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self.process = subprocess.Popen(
                self.command,
                env=env | handed.variables(sockets),
                pass_fds=[*passed, *(one.fileno() for one in sockets)],
                stdin=subprocess.DEVNULL,
                stdout=descriptor,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
        finally:
            os.close(descriptor)

    @property
    def exit_code(self) -> int | None:
        """The exit code, or None while it runs."""
        return self.process.poll() if self.process else None

    async def wait_ready(self) -> float:
        """Wait until it answers; return the seconds that it took.

        Raises:
            SetupError: it ended, or did not answer in time.
        """
        begun = time.monotonic()
        while time.monotonic() - begun < self.ready_seconds:
            if self.exit_code is not None:
                raise SetupError(
                    f"The {self.name} process ended at its start (exit code {self.exit_code})"
                    f"{self._last_words()} See {self.log}"
                )
            if await self._unless_ended(self.ready()):
                return time.monotonic() - begun
            await asyncio.sleep(POLL_SECONDS)
        raise SetupError(
            f"The {self.name} process did not answer within {self.ready_seconds:.0f} s. "
            f"See {self.log}"
        )

    async def _unless_ended(self, asking: Awaitable[bool]) -> bool:
        """Return an answer; False as soon as the process ends, for then none would come."""
        task = asyncio.ensure_future(asking)
        while not task.done() and self.exit_code is None:
            await asyncio.wait([task], timeout=POLL_SECONDS)
        if task.done():
            return await task
        task.cancel()
        await asyncio.wait([task])
        return False

    @property
    def is_stopped(self) -> bool:
        """Whether somebody stopped the process (SIGSTOP)."""
        if self.process is None:
            return False
        try:
            text = Path(f"/proc/{self.process.pid}/stat").read_text()
        except OSError:
            return False
        return text.rpartition(")")[2].split()[0] in ("T", "t")

    async def silent(self) -> str:
        """Watch the process while it runs; return what is wrong once it does not answer any more.

        Empty when it ended by itself.
        """
        heard, failures = time.monotonic(), 0
        while self.exit_code is None:
            await self._or_ended(LOOK_SECONDS)
            with contextlib.suppress(OSError):  # a full disk is looked at again
                await asyncio.to_thread(limits.trim, self.log, self.log_most)
            if self.lives is None or self.exit_code is not None:
                continue
            if await self._unless_ended(self.lives()):
                heard, failures = time.monotonic(), 0
                continue
            failures += 1
            quiet = time.monotonic() - heard
            if self.is_stopped and quiet > STOPPED_SECONDS:
                return "is stopped (SIGSTOP)"
            if failures > 2 and quiet > SILENT_SECONDS:
                return f"has not answered for {quiet:.0f} s"
        return ""

    async def _or_ended(self, seconds: float) -> None:
        """Wait, at most until the process ends."""
        until = time.monotonic() + seconds
        while self.exit_code is None and time.monotonic() < until:  # noqa: ASYNC110
            await asyncio.sleep(0.05)

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-40:]
        meaning = [line.strip() for line in lines if line.strip() and not line.startswith(" ")]
        return f": {meaning[-1][:300]}" if meaning else "."

    async def stop(self) -> None:
        """End it in order, or kill it where it does not listen."""
        if self.process is None:
            return
        for sent, seconds in (
            (self.stop_signal, self.stop_seconds),
            (signal.SIGKILL, KILL_SECONDS),
        ):
            if self.exit_code is not None:
                return
            self.process.send_signal(sent)
            await self._or_ended(seconds)

    async def kill(self) -> None:
        """End it by force."""
        if self.process is not None:
            self.process.kill()
            await self._or_ended(KILL_SECONDS)


class Supervisor:
    """Keeps a set of children running.

    Args:
        say: prints one line for the person at the terminal.
    """

    def __init__(self, say: Say) -> None:
        self._say = say
        self._children: list[Child] = []
        self._watchers: list[asyncio.Task[None]] = []

    async def start(self, *children: Child) -> None:
        """Start children side by side and wait until each is ready.

        Raises:
            SetupError: one of them does not come up.
        """
        for child in children:
            rotate(child.log)
            child.start()
            self._children.append(child)
        await asyncio.gather(*(self._wait(child) for child in children))

    async def _wait(self, child: Child) -> None:
        seconds = await child.wait_ready()
        self._say(f"  {child.name:<6} ready after {seconds:.1f} s")
        self._watchers.append(asyncio.create_task(self._watch(child)))

    async def _watch(self, child: Child) -> None:
        delay = 0.0
        begun = time.monotonic()
        while True:
            if fault := await child.silent():
                self._say(f"{time.strftime('%H:%M:%S')} {child.name} {fault}: it is killed")
                await child.kill()
            if time.monotonic() - begun > STEADY_SECONDS:
                delay = 0.0
            self._say(
                f"{time.strftime('%H:%M:%S')} {child.name} ended (exit code {child.exit_code}), "
                f"starting it again{f' in {delay:.0f} s' if delay else ''}. See {child.log}"
            )
            await asyncio.sleep(delay)
            delay = min(max(1.0, delay * 2), DELAY_MAX)
            begun = time.monotonic()
            try:
                child.start()
                await child.wait_ready()
            except (SetupError, OSError):  # it ended, or hangs: the next round of this loop says so
                await child.stop()
                continue
            if child.again:
                await child.again()
            self._say(f"{time.strftime('%H:%M:%S')} {child.name} is ready again")

    async def stop(self, *order: list[str]) -> None:
        """Stop all children: group by group, those of one group side by side."""
        for watcher in self._watchers:
            watcher.cancel()
        await asyncio.gather(*self._watchers, return_exceptions=True)
        for group in order:
            await asyncio.gather(*(c.stop() for c in self._children if c.name in group))

    def kill(self) -> None:
        """Kill all children at once (the person is in a hurry)."""
        for child in self._children:
            if child.process and child.exit_code is None:
                child.process.kill()
