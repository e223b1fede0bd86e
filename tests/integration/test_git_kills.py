"""The engine as a process: killed at any moment, on a full disk, its key in nobody's sight."""

from __future__ import annotations

import base64
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hopyard.launchers.sandbox import bwrap
from hopyard.protocol.git import Job, Outcome, Reason, State
from tests.git_server import Fault, git, temp_git
from tests.integration.git_copies import (
    FILES,
    KEY,
    Copies,
    Copy,
    answers,
    kill,
    process,
    until,
)

MANY = 300
KILLS = 6


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copies]:
    folder = tmp_path_factory.mktemp("kills")
    with temp_git(folder / "server") as running:
        yield Copies(running, folder / "copies")


def start(copy: Copy, job: Job, rescue: str = "") -> tuple[subprocess.Popen[bytes], Path]:
    output = copy.folder.parent / "output"
    output.parent.mkdir(parents=True, exist_ok=True)
    request = copy.request.model_copy(update={"job": job, "rescue": rescue})
    return process(request, output), output


def test_a_clone_that_is_killed_is_made_anew(copies: Copies) -> None:
    copies.server.make("killed-clone", KEY, FILES)
    copy = copies.empty("killed-clone", stall_seconds=30)
    copy.keep.faults.append(Fault("pack", "slow", 40))
    engine, _ = start(copy, Job.OPEN)
    until("half a clone", lambda: "pack" in copy.keep.asked)
    kill(engine)
    copy.keep.faults.clear()
    assert not copy.folder.exists()
    assert copy.do(Job.OPEN).state is State.DONE
    assert (copy.folder / "a.txt").read_bytes() == FILES["a.txt"]
    assert [one.name for one in copy.folder.parent.iterdir() if ".new-" in one.name] == []


@pytest.mark.parametrize(("job", "stage"), [(Job.OPEN, "pack"), (Job.PUSH, "push")])
def test_a_transfer_that_is_killed_leaves_everything(job: Job, stage: str, copies: Copies) -> None:
    copy = copies.worked(f"killed-{stage}", stall_seconds=30, ignore_uncommitted=True)
    if job is Job.OPEN:
        copy.keep.commit({"theirs.txt": b"theirs\n"})
    copy.keep.faults.append(Fault(stage, "slow", 40))
    engine, _ = start(copy, job)
    until("the transfer", lambda: stage in copy.keep.asked)
    kill(engine)
    copy.keep.faults.clear()
    copy.nothing_lost()
    copy.arrives()


def test_a_pull_killed_at_any_moment_is_finished(copies: Copies) -> None:
    """Kill at random moments of one that changes, adds and deletes hundreds of files."""
    chance = random.Random(6)
    copy = copies.worked("killed-pull", ignore_uncommitted=True)
    long = b"line\n" * 2000
    now: dict[str, bytes | None] = {f"many/{n}.txt": b"%d\n" % n + long for n in range(MANY)}
    copy.keep.commit(now)
    assert copy.do(Job.OPEN).state is State.DONE
    seen = set()
    for turn in range(KILLS):
        change: dict[str, bytes | None] = {f"many/{n}.txt": None for n in range(turn, MANY, 7)}
        change |= {f"many/{n}.txt": b"%d %d\n" % (n, turn) + long for n in range(turn + 1, MANY, 7)}
        change |= {f"new {turn}/{n}.txt": b"%d\n" % n + long for n in range(50)}
        now |= change
        copy.keep.commit(change)
        copy.write(f"new folder/{turn}.txt", b"%d\n" % turn)
        if turn % 2:
            copy.commit(f"mine {turn}.txt", b"%d\n" % turn)
        engine, _ = start(copy, Job.OPEN)
        note = copy.folder / ".git" / "hopyard" / "move.json"
        until("the move", lambda note=note, engine=engine: note.exists() or engine.poll() == 0)
        time.sleep(chance.random() * 0.1)
        seen.add(note.exists())
        kill(engine)
        copy.nothing_lost()
        outcome = copy.do(Job.OPEN)
        assert outcome.state is State.DONE, outcome
        copy.nothing_lost()
        for name, content in now.items():
            path = copy.folder / name
            assert (path.read_bytes() if path.exists() else None) == content, (turn, name)
        assert not note.exists()
    assert True in seen
    assert git(copy.folder, "status", "--porcelain", "-uno") == "M n.ipynb"
    copy.arrives()


def test_a_snapshot_that_is_killed_touches_nothing(copies: Copies) -> None:
    copy = copies.worked("killed-snapshot")
    for number in range(MANY):
        copy.write(f"data/{number}.txt", b"%d\n" % number * 1000)
    before, head = copy.index(), copy.head()
    for turn in range(3):
        engine, _ = start(copy, Job.SNAPSHOT)
        until("it works", lambda: bool(list((copy.folder / ".git" / "hopyard").glob("index-*"))))
        time.sleep(turn * 0.02)
        kill(engine)
        assert (copy.index(), copy.head()) == (before, head)
        copy.nothing_lost()
    name = copy.do(Job.SNAPSHOT).data.rescue
    assert copy.index() == before
    for path, content in copy.files.items():
        if not path.endswith(".tmp"):
            shown = git(copy.folder, "cat-file", "blob", f"refs/hopyard/rescue/{name}:{path}")
            assert shown.encode() == content.strip()


def test_a_job_waits_for_the_one_before(copies: Copies) -> None:
    copy = copies.worked("two", stall_seconds=30)
    copy.keep.faults.append(Fault("list", "slow", 20))
    engine, _ = start(copy, Job.PUSH)
    until("the first one", lambda: "list-push" in copy.keep.asked)
    copy.choose(seconds=0.3)
    assert copy.do(Job.SNAPSHOT).reason is Reason.BUSY
    kill(engine)
    copy.choose(seconds=30)
    assert copy.do(Job.SNAPSHOT).state is State.DONE


def test_the_time_limit_holds(copies: Copies) -> None:
    copy = copies.worked("late", stall_seconds=30, seconds=1.5)
    copy.keep.faults.append(Fault("list", "slow", 20))
    begun = time.monotonic()
    outcome = copy.do(Job.PUSH)
    assert outcome.reason is Reason.TIMEOUT
    assert time.monotonic() - begun < 20
    copy.nothing_lost()


@pytest.mark.parametrize("job", [Job.OPEN, Job.SNAPSHOT])
def test_a_full_disk_loses_nothing(job: Job, copies: Copies) -> None:
    """A real file system that is full: its copy is brought back out and looked at."""
    copy = copies.worked(f"full-{job}", ignore_uncommitted=True)
    big = bytes(random.Random(1).randbytes(1_000_000))
    copy.write("big.bin", big)
    copy.keep.commit({f"theirs-{n}.bin": random.Random(n).randbytes(600_000) for n in range(6)})
    inside = copy.request.model_copy(update={"job": job}, deep=True)
    assert inside.working_copy
    inside.working_copy.folder = "/mnt/copy"
    out = copy.folder.parent / "out"
    out.mkdir()
    script = (
        'set -e; cp -a "$1" /mnt/copy; "$2" -m hopyard.git > "$3/answers" || true; '
        'cp -a /mnt/copy "$3/copy"'
    )
    box = [bwrap(), "--ro-bind", "/", "/", "--dev", "/dev", "--bind", str(out), str(out)]
    box += ["--size", str(2 * 2**20), "--tmpfs", "/mnt", "--setenv", "TMPDIR", str(out)]
    box += ["sh", "-c", script, "sh", str(copy.folder), sys.executable, str(out)]
    done = subprocess.run(box, input=inside.wire(), capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr.decode()
    outcome = answers(out / "answers")[-1]
    assert isinstance(outcome, Outcome)
    assert outcome.reason is Reason.DISK_FULL, outcome
    shutil.rmtree(copy.folder)
    (out / "copy").rename(copy.folder)
    copy.nothing_lost()
    copy.arrives()


def forms(key: str) -> list[bytes]:
    """Return the ways in which a key can be written."""
    pair = base64.b64encode(f"git:{key}".encode())
    return [key.encode(), pair, base64.b64encode(key.encode())]


class Watch(threading.Thread):
    """Reads every process's arguments and environment, again and again."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.over = threading.Event()
        self.found: list[str] = []
        self.helpers = 0
        self.looks = 0

    def run(self) -> None:
        while not self.over.is_set():
            self.looks += 1
            for one in Path("/proc").glob("[0-9]*"):
                for name in ("cmdline", "environ"):
                    try:
                        text = (one / name).read_bytes()
                    except OSError:
                        continue
                    self.helpers += b"credential.py" in text
                    if int(one.name) != os.getpid() and any(form in text for form in forms(KEY)):
                        self.found.append(f"{one / name}: {text[:80]!r}")


def test_the_key_is_nowhere(copies: Copies, tmp_path: Path) -> None:
    """Not in a process, not in a file, not in what the engine writes, through all jobs."""
    copies.server.make("key", KEY, FILES)
    copy = copies.empty("key")
    watch = Watch()
    watch.start()
    written = b""
    try:
        for job in (Job.CHECK, Job.BRANCHES, Job.OPEN, Job.PUSH, Job.SNAPSHOT):
            if job is Job.PUSH:
                copy.commit("mine.txt", b"mine\n")
                copy.write("new.txt", b"new\n")
            engine, output = start(copy, job)
            assert engine.wait(60) == 0, output.read_text()
            written += output.read_bytes()
        faults = Fault("list", "status", 403), Fault("push", "drop"), Fault("list", "redirect")
        for fault in faults:
            copy.commit("more.txt", fault.kind.encode())
            copy.keep.faults[:] = [fault]
            engine, output = start(copy, Job.PUSH)
            assert engine.wait(60) == 1
            written += output.read_bytes()
    finally:
        watch.over.set()
        watch.join(30)
    assert watch.found == []
    assert watch.looks > 20
    assert watch.helpers > 0
    places = [copy.folder.parent, copies.server.folder, Path("/tmp")]
    for file in (file for place in places[:2] for file in place.rglob("*") if file.is_file()):
        content = file.read_bytes()
        assert not any(form in content for form in forms(KEY)), file
    assert not any(form in written for form in forms(KEY))
    assert not list(places[2].glob("hopyard-git-*/**/*key*"))


def test_the_helper_answers_once_and_for_one_address_only(copies: Copies) -> None:
    helper = Path(sys.modules["hopyard.git.calls"].__file__ or "").with_name("credential.py")
    known = b'{"protocol":"https","host":"h:1","path":"/a/b.git","username":"u","password":"p"}'

    def ask(text: str, times: int = 1, action: str = "get") -> str:
        reading, writing = os.pipe()
        os.write(writing, known)
        os.close(writing)
        try:
            for _ in range(times):
                done = subprocess.run(
                    [sys.executable, "-I", "-S", str(helper), str(reading), action],
                    input=text.encode(), capture_output=True, pass_fds=(reading,), timeout=20,
                )  # fmt: skip
            return done.stdout.decode()
        finally:
            os.close(reading)

    right = "protocol=https\nhost=h:1\npath=a/b.git\n\n"
    assert ask(right) == "username=u\npassword=p\n"
    assert ask(right, times=2) == "quit=1\n"
    for wrong in ("http\nhost=h:1", "https\nhost=evil"):
        assert ask(f"protocol={wrong}\npath=a/b.git\n\n") == "quit=1\n"
    assert ask("protocol=https\nhost=h:1\npath=c/d.git\n\n") == "quit=1\n"
    assert ask("protocol=https\nhost=h:1\n\n") == "quit=1\n"
    assert ask(right, action="store") == ""


def test_a_request_that_is_none_is_answered(tmp_path: Path) -> None:
    for text in (b"", b"{}", b'{"job":"open","key":"' + KEY.encode() + b'"}'):
        done = subprocess.run(
            [sys.executable, "-m", "hopyard.git"], input=text, capture_output=True, timeout=60
        )
        assert done.returncode == 2
        assert KEY.encode() not in done.stdout + done.stderr
        assert b'"failed"' in done.stdout
