"""One process: fed, read and ended in time, with everything that it started."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SAID_MOST = 64 * 1024
PIECE = 65536


@dataclass(frozen=True)
class Result:
    """What one call of Git gave."""

    code: int
    out: bytes
    said: str
    cut: bool = False

    @property
    def text(self) -> str:
        """Standard output as one word or line."""
        return self.out.decode(errors="replace").strip()

    @property
    def names(self) -> list[str]:
        """Standard output of a call with `-z`."""
        return [os.fsdecode(name) for name in self.out.split(b"\0") if name]


@dataclass
class Process:
    """A process to be run.

    Attributes:
        command: its words.
        environment: all of its environment.
        place: the current folder.
        passed: open files that it inherits.
    """

    command: list[str]
    environment: dict[str, str]
    place: Path
    passed: tuple[int, ...]

    def run(
        self,
        feed: bytes,
        most: int,
        until: float,
        tell: Callable[[bytes], None],
        scrub: Callable[[str], str],
    ) -> Result:
        """Run it to its end.

        Args:
            feed: standard input.
            most: bytes of output after which it is killed (`Result.cut`).
            until: `time.monotonic()` at which it is killed.
            tell: gets what it says on standard error, as it comes.
            scrub: takes secrets out of what it said.

        Raises:
            TimeoutError: the time is over.
            FileNotFoundError: there is no such program.
        """
        if time.monotonic() >= until:
            raise TimeoutError
        process = subprocess.Popen(
            self.command,
            cwd=self.place,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            pass_fds=self.passed,
        )
        out, said = bytearray(), bytearray()
        whole = False
        try:
            whole = _pump(process, feed, out, said, most, until, tell)
        finally:
            if not whole:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream is not None:
                    with contextlib.suppress(OSError):
                        stream.close()
        text = scrub(said[-SAID_MOST:].decode(errors="replace").replace("\r", "\n"))
        return Result(process.returncode, bytes(out[:most]), text, not whole)


def _pump(
    process: subprocess.Popen[bytes],
    feed: bytes,
    out: bytearray,
    said: bytearray,
    most: int,
    until: float,
    tell: Callable[[bytes], None],
) -> bool:
    """Feed and read; tell whether all was read."""
    assert process.stdin and process.stdout and process.stderr  # noqa: S101
    with selectors.DefaultSelector() as waiting:
        waiting.register(process.stdout, selectors.EVENT_READ, out)
        waiting.register(process.stderr, selectors.EVENT_READ, said)
        rest = memoryview(feed)
        if feed:
            os.set_blocking(process.stdin.fileno(), False)
            waiting.register(process.stdin, selectors.EVENT_WRITE)
        else:
            process.stdin.close()
        while waiting.get_map():
            if time.monotonic() >= until:
                raise TimeoutError
            for key, _ in waiting.select(until - time.monotonic()):
                if key.fileobj is process.stdin:
                    try:
                        rest = rest[os.write(key.fd, rest[:PIECE]) :]
                    except BrokenPipeError:
                        rest = rest[:0]
                    if not rest:
                        waiting.unregister(process.stdin)
                        process.stdin.close()
                    continue
                piece = os.read(key.fd, PIECE)
                if not piece:
                    waiting.unregister(key.fileobj)
                key.data.extend(piece)
                if key.data is said:
                    tell(piece)
                    del said[: -2 * SAID_MOST]
            if len(out) > most:
                return False
    return True
