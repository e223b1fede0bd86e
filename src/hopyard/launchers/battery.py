"""`python -m hopyard.launchers.battery`: tries each door of the sandbox from inside.

It prints a JSON list of what was possible and must not be: an empty one when the sandbox holds. The
platform runs it before it starts. It is harmless where nothing holds: what it opens it closes, and
it changes nothing.

Its argument is JSON: `hidden`, what must not be seen inside, and `namespaces` of the outside.
"""

# The calls themselves are what is tried.
# ruff: noqa: PTH108, PTH112, PTH115, PTH116, PTH118, PTH123, PTH208

from __future__ import annotations

import contextlib
import ctypes
import errno
import json
import os
import platform
import socket
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

_libc = ctypes.CDLL(None, use_errno=True)
_CALLS = {
    "x86_64": {"open_by_handle_at": 304, "keyctl": 250, "bpf": 321, "perf_event_open": 298,
               "userfaultfd": 323, "io_uring_setup": 425, "fsopen": 430, "unshare": 272,
               "clone": 56, "setns": 308, "ptrace": 101, "chroot": 161, "clone3": 435},
    "aarch64": {"open_by_handle_at": 265, "keyctl": 219, "bpf": 280, "perf_event_open": 241,
                "userfaultfd": 282, "io_uring_setup": 425, "fsopen": 430, "unshare": 97,
                "clone": 220, "setns": 268, "ptrace": 117, "chroot": 51, "clone3": 435},
}  # fmt: skip
_NEW_USER, _NEW_MOUNT = 0x10000000, 0x00020000
_REMOUNT, _BIND = 0x20, 0x1000
_SECRETS = ("/etc/shadow", "/etc/gshadow", "/etc/sudoers", "/etc/ssl/private", "/proc/kcore",
            "/dev/mem", "/dev/kmsg", "/dev/vda", "/dev/sda", "/dev/nvme0n1")  # fmt: skip
_SYSTEM_WRITES = ("/proc/sys/kernel/core_pattern", "/proc/sys/kernel/hostname",
                  "/proc/sys/vm/drop_caches", "/proc/sysrq-trigger", "/proc/1/mem",
                  "/proc/1/oom_score_adj")  # fmt: skip
_FOLDERS = ("/", "/dev", "/etc", "/usr", "/usr/bin", "/opt", "/proc", "/sys", sys.prefix)
_FAMILIES = {"packet": 17, "virtual machine": 40, "kernel crypto": 38, "Bluetooth": 31}


def _call(name: str, *arguments: Any) -> int:
    """Make a system call; return 0 or its error number."""
    number = _CALLS[platform.machine()][name]
    answer = _libc.syscall(number, *arguments)
    if answer < 0:
        return ctypes.get_errno()
    if answer > 2 and name not in ("unshare", "setns", "ptrace", "chroot", "keyctl"):
        with contextlib.suppress(OSError):
            os.close(answer)
    return 0


def _in_a_child(try_it: Callable[[], int]) -> int:
    """Try what would change this process in one of its own; return 0 or an error number."""
    pid = os.fork()
    if pid == 0:
        os._exit(min(try_it(), 255))
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _identity(_: dict[str, Any]) -> Iterator[str]:
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        if int(status[name], 16):
            yield f"there are capabilities ({name} {status[name].strip()})"
    if status["NoNewPrivs"].strip() != "1":
        yield "setuid programs give rights"
    if platform.machine() in _CALLS and status["Seccomp"].strip() != "2":
        yield "no system calls are filtered"
    if 0 in (os.getuid(), os.geteuid(), os.getgid(), os.getegid()):
        yield "the user is root"
    for name, become in (("user", os.setuid), ("group", os.setgid)):
        if _in_a_child(lambda become=become: _number(lambda: become(0))) == 0:  # type: ignore[misc]
            yield f"the {name} root can be taken"


def _number(try_it: Callable[[], Any]) -> int:
    try:
        try_it()
    except OSError as error:
        return error.errno or errno.EIO
    return 0


def _calls(_: dict[str, Any]) -> Iterator[str]:
    if platform.machine() not in _CALLS:
        return
    # A handle of the root folder on ext4 and its like: a number that needs no search.
    handle = (ctypes.c_uint32 * 4)(8, 1, 2, 0)
    place = os.open("/usr", os.O_RDONLY | os.O_DIRECTORY)
    said = _call("open_by_handle_at", place, handle, os.O_RDONLY)
    os.close(place)
    if said not in (errno.EPERM, errno.ENOSYS):
        yield "files are opened by handle"
    zeros = ctypes.create_string_buffer(256)
    reached: tuple[tuple[str, str, tuple[Any, ...]], ...] = (
        ("keyctl", "the kernel's keyring is reached", (0, -4, 1)),
        ("bpf", "BPF is reached", (0, zeros, 64)),
        ("perf_event_open", "performance events are reached", (zeros, 0, -1, -1, 0)),
        ("userfaultfd", "userfaultfd is reached", (1,)),
        ("io_uring_setup", "io_uring is reached", (1, zeros)),
        ("fsopen", "file systems are opened", (b"tmpfs", 0)),
    )
    for name, words, arguments in reached:
        if _call(name, *arguments) not in (errno.EPERM, errno.ENOSYS, errno.EACCES):
            yield words
    tries: tuple[tuple[str, tuple[Any, ...]], ...] = (
        ("unshare", (_NEW_USER,)),
        ("unshare", (_NEW_USER | _NEW_MOUNT,)),
        ("chroot", (b"/tmp",)),
        ("ptrace", (0x4206, 1, 0, 0)),  # PTRACE_SEIZE of the first process
    )
    for name, arguments in tries:
        if name == "ptrace" and os.stat("/proc/1").st_uid == os.getuid():
            continue  # it has no more rights than this one
        if _in_a_child(lambda n=name, a=arguments: _call(n, *a)) == 0:  # type: ignore[misc]
            yield f"{name} works"


def _mounts(_: dict[str, Any]) -> Iterator[str]:
    for words, arguments in (
        ("something is mounted", (b"none", b"/tmp", b"tmpfs", 0, None)),
        ("/usr is made writable", (None, b"/usr", None, _REMOUNT | _BIND, None)),
        ("/proc is mounted", (b"proc", b"/tmp", b"proc", 0, None)),
    ):
        if _in_a_child(lambda a=arguments: _mount(*a)) == 0:  # type: ignore[misc]
            yield words
    if _in_a_child(lambda: 0 if _libc.umount2(b"/etc", 2) == 0 else ctypes.get_errno()) == 0:
        yield "/etc is unmounted"


def _mount(*arguments: Any) -> int:
    return 0 if _libc.mount(*arguments) == 0 else ctypes.get_errno()


def _devices(_: dict[str, Any]) -> Iterator[str]:
    for kind, words in ((stat.S_IFBLK, "disk"), (stat.S_IFCHR, "memory")):
        name = f"/tmp/.battery-{os.getpid()}"  # noqa: S108
        if _number(lambda k=kind, n=name: os.mknod(n, k | 0o600, os.makedev(1, 1))) == 0:  # type: ignore[misc]
            os.unlink(name)
            yield f"a device ({words}) is made"
    for entry in os.scandir("/dev"):
        if stat.S_ISBLK(entry.stat(follow_symlinks=False).st_mode):
            yield f"there is the disk {entry.path}"


def _sockets(_: dict[str, Any]) -> Iterator[str]:
    raw, stream = int(socket.SOCK_RAW), int(socket.SOCK_STREAM)
    kinds = [("raw", int(socket.AF_INET), raw, 1), ("raw", int(socket.AF_INET6), raw, 58)]
    kinds += [(name, number, raw, 0) for name, number in _FAMILIES.items()]
    kinds += [(name, number, stream, 0) for name, number in _FAMILIES.items()]
    open_ones = {
        name
        for name, family, kind, protocol in kinds
        if _number(lambda f=family, k=kind, p=protocol: socket.socket(f, k, p).close()) == 0  # type: ignore[misc]
    }
    yield from (f"{name} sockets are opened" for name in sorted(open_ones))


def _files(told: dict[str, Any]) -> Iterator[str]:
    for name in (*_SECRETS, *told.get("hidden", ())):
        read = os.listdir if os.path.isdir(name) else _read
        if _number(lambda n=name, r=read: r(n)) == 0:  # type: ignore[misc]
            yield f"{name} is read"
    for name in _SYSTEM_WRITES:
        if name.startswith("/proc/1/") and os.stat("/proc/1").st_uid == os.getuid():
            continue
        if _number(lambda n=name: os.close(os.open(n, os.O_WRONLY))) == 0:  # type: ignore[misc]
            yield f"{name} is written"
    for folder in _FOLDERS:
        name = os.path.join(folder, f".battery-{os.getpid()}")
        if _number(lambda n=name: os.close(os.open(n, os.O_CREAT | os.O_WRONLY | os.O_EXCL))) == 0:  # type: ignore[misc]
            os.unlink(name)
            yield f"{folder} is written"


def _read(name: str) -> None:
    with open(name, "rb"):
        pass


def _processes(told: dict[str, Any]) -> Iterator[str]:
    for name, outside in told.get("namespaces", {}).items():
        if os.readlink(f"/proc/self/ns/{name}") == outside:
            yield f"the namespace {name} is the platform's"
    for name in os.listdir("/proc/1/fd") if os.access("/proc/1/fd", os.R_OK) else ():
        with contextlib.suppress(OSError):
            if stat.S_ISDIR(os.stat(f"/proc/1/fd/{name}").st_mode):
                yield "a folder of the outside is open"


CHECKS = (_identity, _calls, _mounts, _devices, _sockets, _files, _processes)


def holes(told: dict[str, Any]) -> list[str]:
    """Return what was possible and must not be."""
    return [hole for check in CHECKS for hole in check(told)]


def main() -> None:
    """Print the holes."""
    told = json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}
    print(json.dumps(holes(told)))


if __name__ == "__main__":
    main()
