"""Runs the Git engine (`python -m hopyard.git`), one process a job, in the member's sandbox.

The request, with the API key in it, goes to its standard input: it is in no argument, environment
or file. When whoever asked goes away, the process is killed; the working copy repairs itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from hopyard.errors import Unavailable
from hopyard.launchers.sandbox import Sandbox
from hopyard.protocol.git import ANSWERS, Outcome, Progress, Request

INSIDE = "/git"
"""Where a member's working copies are in their sandbox."""
SAVES = "/saves"
"""Where their saves are, for the engine alone."""
GRACE_SECONDS = 20.0
"""The engine ends by itself after the request's seconds; later than this it is killed."""
LINE_MOST = 16 * 2**20
KEPT = ("PATH", "LANG", "LC_ALL", "TZ", "VIRTUAL_ENV", "PYTHONPATH")
NOTHING = "The Git engine ended without an answer; the platform's log says more."


class Engine:
    """Lets the engine do jobs.

    Args:
        sandboxed: whether it sees the member's working copies only.
    """

    def __init__(self, *, sandboxed: bool) -> None:
        self._sandboxed = sandboxed

    def inside(self, storage: Path) -> str:
        """Return where the engine sees the folder of a member's working copies."""
        return INSIDE if self._sandboxed else str(storage)

    def save(self, saves: Path, name: str) -> str:
        """Return where the engine sees the save of a working copy."""
        return f"{SAVES if self._sandboxed else saves}/{name}"

    async def run(
        self,
        request: Request,
        storage: Path,
        told: Callable[[Progress], None] | None,
        saves: Path | None = None,
    ) -> Outcome:
        """Do one job.

        Args:
            request: the job.
            storage: the folder of the member's working copies; made where it is missing.
            told: is called with each step.
            saves: the folder of the member's saves; made where it is missing.

        Raises:
            Unavailable: the engine cannot be started, or ended without an answer.
        """
        for folder in (storage, *([saves] if saves else [])):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        process = await self._start(storage, request.rules.ca_file, saves)
        try:
            async with asyncio.timeout(request.seconds + GRACE_SECONDS):
                outcome = await _talk(process, request, told)
        except TimeoutError:
            raise Unavailable("The Git engine did not end in time and was killed.") from None
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        if outcome is None:
            raise Unavailable(NOTHING)
        return outcome

    async def _start(
        self, storage: Path, ca_file: str, saves: Path | None
    ) -> asyncio.subprocess.Process:
        command = [sys.executable, "-P", "-m", "hopyard.git"]
        if self._sandboxed:
            command = Sandbox(
                writable={storage: INSIDE, **({saves: SAVES} if saves else {})},
                readable=(Path(ca_file),) if ca_file else (),
                work_dir=INSIDE,
                dies_with_parent=True,
            ).wrap(command)
        environment = {name: os.environ[name] for name in KEPT if name in os.environ}
        try:
            return await asyncio.create_subprocess_exec(
                *command,
                cwd=storage,
                env=environment | {"HOME": "/tmp"},  # noqa: S108 - nothing of it is read
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=LINE_MOST,
            )
        except OSError as error:
            raise Unavailable(f"The Git engine cannot be started: {error.strerror}.") from None


async def _talk(
    process: asyncio.subprocess.Process, request: Request, told: Callable[[Progress], None] | None
) -> Outcome | None:
    assert process.stdin and process.stdout  # noqa: S101 - both are pipes
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(request.wire())
        process.stdin.close()
        await process.stdin.wait_closed()
    outcome = None
    while line := await process.stdout.readline():
        try:
            answer = ANSWERS.validate_json(line)
        except ValidationError:
            continue
        if isinstance(answer, Outcome):
            outcome = answer
        elif told:
            told(answer)
    await process.wait()
    return outcome
