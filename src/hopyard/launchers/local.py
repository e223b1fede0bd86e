"""Drivers on this machine: a Python process with a JVM, in the sandbox or (by setting) without.

Their executors are in the JVM (`local[*]`) or on a standalone cluster (`spark://…`).

What a driver sees: its project's folder as `/project`, a folder of its own (`/run/hopyard`: its
configuration until read, its scratch files), an environment of a handful of variables, and, in
`/run/home`, a file with the address at which the server is now: one that was started again may have
another than before.

A driver has a process group of its own and no death signal: a restart of the Livy server leaves it
running. It is found again by process number and time of start. In the sandbox the number of the
first process *inside* is kept too: the kernel ends everything inside when that one is killed, so
nothing survives even when the process outside (bubblewrap) was killed alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

from pydantic import ValidationError

from hopyard import disk
from hopyard.errors import Unavailable
from hopyard.launchers import limits, owner, processes
from hopyard.launchers.base import FILES_OF_USERS, Launcher, Order, Process
from hopyard.launchers.limits import Limits
from hopyard.launchers.sandbox import Sandbox
from hopyard.protocol.messages import REPORT, BatchReport, StartConfig
from hopyard.settings import Settings, folders_of

INSIDE_PROJECT = "/project"
INSIDE_OWN = "/run/hopyard"
INSIDE_HOME = "/run/home"
INSIDE_NAME = "hopyard"
ADDRESS = "address"
INFO = "sandbox.json"
REPORT_MOST = 64 * 1024
INFO_SECONDS = 20.0
STOP_SECONDS = 10.0
KILL_SECONDS = 5.0
KILLED = (-signal.SIGKILL, 128 + signal.SIGKILL)
PASSED_ON = ("PATH", "JAVA_HOME", "SPARK_HOME", "HADOOP_CONF_DIR", "TZ")


class LocalLauncher(Launcher):
    """Runs drivers as processes of this machine."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._children: dict[int, subprocess.Popen[bytes]] = {}
        self.sandboxed = settings.isolation == "sandbox"
        self.project_folder = INSIDE_PROJECT if self.sandboxed else None

    def _own_folder(self, place: str) -> Path:
        return self._settings.data_dir / "run" / place

    def _home_folder(self) -> Path:
        """Return the folder with the server's address, which every driver may read."""
        folder = self._settings.data_dir / "run" / "home"
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        return folder

    def announce(self, home: str) -> None:
        """Write down where home is (see the contract)."""
        file = self._home_folder() / ADDRESS
        new = file.with_suffix(".new")
        new.write_text(home)
        new.chmod(0o644)
        new.replace(file)

    async def start(self, order: Order) -> Process:
        """Start a driver (see the contract)."""
        try:
            return await asyncio.to_thread(self._start, order)
        except OSError as error:
            raise Unavailable(f"The driver cannot be started: {error.strerror}.") from None

    def _start(self, order: Order) -> Process:
        project = self._settings.projects_dir / order.project
        bound = self._settings.limits.disk
        if full := disk.too_much(folders_of(self._settings, order.project), bound):
            raise Unavailable(full)
        owner.make_folder(project / "Jupyter")
        own = self._own_folder(order.config.place)
        shutil.rmtree(own, ignore_errors=True)
        for folder in (own, own / "tmp", own / "home"):
            folder.mkdir(mode=0o700, parents=True)
        project_seen = Path(INSIDE_PROJECT) if self.sandboxed else project
        own_seen = Path(INSIDE_OWN) if self.sandboxed else own
        conf = {
            "spark.local.dir": str(own_seen / "tmp"),
            # Tables stay in the project, and out of the notebooks' folder.
            "spark.sql.warehouse.dir": str(project_seen / "Resources" / "warehouse"),
            **order.config.conf,
        }
        ticket = secrets.token_hex(8)
        config = order.config.model_copy(
            update={"work_dir": str(project_seen / "Jupyter"), "conf": conf, "ticket": ticket}
        )
        # A name of its own: a driver that was begun just before a kill of the server and is not
        # known to anybody must not read (and delete) what is meant for this one.
        name = f"driver-{secrets.token_hex(8)}.json"
        _write_private(own / name, config)
        order.log.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-P", "-m", order.config.program]
        home = self._home_folder()
        environment = self._environment(own_seen, own_seen / name, order.user)
        environment["HOPYARD_DRIVER_HOME"] = str(
            (Path(INSIDE_HOME) if self.sandboxed else home) / ADDRESS
        )
        with order.log.open("a+b") as log:
            if not self.sandboxed:
                child = self._spawn(command, environment, log.fileno(), cwd=project / "Jupyter")
                return self._remember(child, child.pid, own / f"go-{ticket}")
            owner.hand_over_log(log.fileno())
            memory = limits.of_driver(conf, self._settings)
            bounds = Limits.make(self._settings, order.config.place, memory)
            box = Sandbox(
                writable={project: INSIDE_PROJECT, own: INSIDE_OWN},
                shown={home: INSIDE_HOME},
                work_dir=f"{INSIDE_PROJECT}/Jupyter",
                home=f"{INSIDE_OWN}/home",
                tmp_mb=self._settings.limits.tmp,
                limits=bounds,
            )
            # A file and no pipe: bubblewrap must not stop half-way when this process is killed.
            info = own / INFO
            info.touch()
            child = self._spawn(box.wrap(command, info), environment, log.fileno())
        inside = _first_inside(info, child)
        known = self._remember(child, inside, own / f"go-{ticket}")
        return known | {"limits": bounds.to_state(), "log": str(order.log)}

    @staticmethod
    def _spawn(
        command: list[str],
        environment: dict[str, str],
        log: int,
        *,
        cwd: Path | None = None,
    ) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command,
            env=environment,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            umask=FILES_OF_USERS,
        )

    def _remember(self, child: subprocess.Popen[bytes], inside: int, go: Path) -> Process:
        self._children[child.pid] = child
        outer, inner = processes.find(child.pid), processes.find(inside)
        return {
            "launcher": "local",
            "outer": [child.pid, outer.started if outer else 0],
            "inner": [inside, inner.started if inner else 0],
            "go": str(go),
        }

    @staticmethod
    def _environment(own: Path, config: Path, user: str) -> dict[str, str]:
        environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        if user:
            environment |= {"SPARK_USER": user, "HADOOP_USER_NAME": user}
        return {
            "LANG": "C.UTF-8",
            **environment,
            # `!python` and `!pip` are the ones of the notebook.
            "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}",
            "HOME": str(own / "home"),
            "USER": INSIDE_NAME,
            "LOGNAME": INSIDE_NAME,
            "PYSPARK_PYTHON": sys.executable,
            "HOPYARD_DRIVER_CONFIG": str(config),
        }

    async def check(self, process: Process) -> str | None:
        """Look whether a driver still runs (see the contract)."""
        outer, inner = _known(process)
        bounds = Limits.from_state(process["limits"]) if "limits" in process else None
        if bounds is not None:
            await asyncio.to_thread(bounds.look, [outer, inner], Path(process["log"]))
        if inner.runs or outer.runs:
            return None
        # Asked last: before the end was seen it would have no code, and nobody could say why.
        child = self._children.pop(outer.pid, None)
        code = child.poll() if child else None  # also takes the zombie away
        killed = code is None or code in KILLED
        return (killed and bounds and bounds.how_it_ended) or _how_it_ended(code)

    async def stop(self, process: Process) -> None:
        """End a driver and everything that it started (see the contract)."""
        await asyncio.to_thread(self._stop, process)

    def _stop(self, process: Process) -> None:
        outer, inner = _known(process)
        everything = processes.tree(outer) if outer.runs else []
        if inner != outer:
            everything += [one for one in processes.tree(inner) if one not in everything]
        for one in everything:
            # bubblewrap's own two processes pass no signal on: they end by themselves, last.
            if not (self.sandboxed and processes.name_of(one) == "bwrap"):
                one.kill(signal.SIGTERM)
        if not processes.all_gone(everything, STOP_SECONDS):
            everything += [one for one in processes.tree(inner) if one not in everything]
            for one in everything:
                one.kill(signal.SIGKILL)
            processes.all_gone(everything, KILL_SECONDS)
        if child := self._children.pop(outer.pid, None):
            child.wait(timeout=KILL_SECONDS)

    def uploads(self, place: str) -> tuple[Path, str]:
        """Return the folder for uploaded files (see the contract)."""
        here = self._own_folder(place) / "uploads"
        return here, f"{INSIDE_OWN}/{here.name}" if self.sandboxed else str(here)

    async def release(self, process: Process) -> None:
        """Let a batch's application begin (see the contract)."""
        with contextlib.suppress(OSError):  # its folder is gone: it has ended
            await asyncio.to_thread(_make_empty, Path(process["go"]))

    async def report(self, place: str) -> BatchReport:
        """Read what a batch's process says of itself (see the contract)."""
        return await asyncio.to_thread(_read_report, self._own_folder(place) / REPORT)

    async def clean(self, place: str) -> None:
        """Remove the scratch files of a process that has ended (see the contract)."""
        await asyncio.to_thread(shutil.rmtree, self._own_folder(place), ignore_errors=True)
        await asyncio.to_thread(Limits.forget, self._settings, place)


def _first_inside(info: Path, child: subprocess.Popen[bytes]) -> int:
    """Wait for bubblewrap to say the number of the first process inside."""
    end = time.monotonic() + INFO_SECONDS
    while True:
        ended = child.poll() is not None
        with contextlib.suppress(ValueError):
            return int(json.loads(info.read_bytes())["child-pid"])
        if ended or time.monotonic() > end:
            child.kill()
            child.wait(timeout=KILL_SECONDS)
            raise Unavailable("The driver's sandbox cannot be made: see the driver's log.")
        time.sleep(0.002)


def _write_private(file: Path, config: StartConfig) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(config.model_dump_json())


def _make_empty(file: Path) -> None:
    """Make a file in a folder of the user's code, which could have put a link in its place."""
    os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o644))


def _read_report(file: Path) -> BatchReport:
    """Read a file that the user's code could have replaced: a small plain file, or nothing."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as stream:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return BatchReport()
            return BatchReport.model_validate_json(stream.read(REPORT_MOST))
    except (OSError, ValidationError):
        return BatchReport()


def _known(process: Process) -> tuple[processes.Process, processes.Process]:
    return processes.Process(*process["outer"]), processes.Process(*process["inner"])


def _how_it_ended(code: int | None) -> str:
    if code is None or code == 0:
        return "ended"
    # bubblewrap answers 128 + N when signal N ended what is inside.
    number = -code if code < 0 else code - 128
    if number in signal.valid_signals():
        hint = " (out of memory?)" if number == signal.SIGKILL else ""
        return f"was killed by signal {signal.Signals(number).name}{hint}"
    return f"ended with exit code {code}"
