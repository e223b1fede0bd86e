"""`python -m hopyard.git`: one job, from a request on standard input to an outcome as JSON."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from hopyard.git import asking, rescues
from hopyard.git.calls import Git
from hopyard.git.faults import GitFault
from hopyard.git.opening import open_copy
from hopyard.git.pushing import push
from hopyard.git.saving import save
from hopyard.git.working import locked
from hopyard.protocol.git import Job, Outcome, Progress, Reason, Request, State

LOCK_SECONDS = 60.0


def run(request: Request, report: Callable[[Progress], None]) -> Outcome:
    """Do one job.

    Args:
        request: what to do.
        report: is told of steps.

    Returns:
        How it ended; no fault of Git, server, network or disk raises.
    """
    until = time.monotonic() + request.seconds
    try:
        with tempfile.TemporaryDirectory(prefix="hopyard-git-") as home:
            return _run(request, report, until, Path(home))
    except GitFault as fault:
        return fault.outcome()
    except OSError as error:
        full = error.errno in (28, 122)  # ENOSPC, EDQUOT
        return Outcome(
            state=State.FAILED,
            reason=Reason.DISK_FULL if full else Reason.INTERNAL,
            sentence="The disk is full." if full else f"It could not be done ({error.strerror}).",
        )


def _run(request: Request, report: Callable[[Progress], None], until: float, home: Path) -> Outcome:
    copy, job = request.working_copy, request.job
    if job in (Job.CHECK, Job.BRANCHES):
        place = home / "trial"
        place.mkdir()
        git = Git(request, place, home, report, until)
        return asking.check(git, copy) if job is Job.CHECK else asking.branches(git)
    if copy is None:
        raise GitFault(Reason.NO_COPY, "The request names no working copy.")
    folder = Path(copy.folder)
    with locked(folder, min(LOCK_SECONDS, request.seconds)) as lock:
        git = Git(request, folder, home, report, until, lock)
        if job is Job.OPEN:
            return open_copy(git, copy)
        if not git.dir.exists():
            raise GitFault(Reason.NO_COPY, "Nothing is cloned yet.")
        if job is Job.PUSH:
            return push(git, copy)
        if job is Job.SNAPSHOT:
            return rescues.snapshot(git)
        if job is Job.SAVE:
            return save(git)
        if job is Job.RESCUES:
            return rescues.listed(git)
        act = {Job.DIFF: rescues.diff, Job.RESTORE: rescues.restore, Job.FORGET: rescues.forget}
        return act[job](git, request.rescue)


def main() -> int:
    """Read the request, do it, write the answers; return the exit code."""

    def write(line: Progress | Outcome) -> None:
        print(line.model_dump_json(), flush=True)

    try:
        request = Request.model_validate_json(sys.stdin.buffer.read())
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors(include_input=False)[0]["loc"])
        write(Outcome(state=State.FAILED, reason=Reason.INTERNAL, sentence=f"Not valid: {where}."))
        return 2
    last = Progress(step="")

    def report(now: Progress) -> None:
        nonlocal last
        if now != last:
            write(now)
        last = now

    outcome = run(request, report)
    write(outcome)
    return 1 if outcome.state is State.FAILED else 0


if __name__ == "__main__":
    sys.exit(main())
