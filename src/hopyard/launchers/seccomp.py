"""The system calls that the sandbox refuses: a seccomp filter for bubblewrap.

Without capabilities most of them fail anyway. They are refused for what is left: new user
namespaces bring capabilities back and with them the parts of the kernel that most attacks on
sandboxes used, and sockets of rare families reach the hypervisor or the kernel's own tools.
Programs that ask for these get an error as on a kernel without them, and do without.
"""

from __future__ import annotations

import errno
import functools
import os
import platform
import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass

_LD_WORD, _JUMP_EQUAL, _JUMP_ATLEAST, _JUMP_ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _ERROR = 0x7FFF0000, 0x00050000
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
_X32 = 0x40000000
_NEW_NAMESPACES = 0x7E020080
"""The flags CLONE_NEW* of `clone`: user, mount, pid, network, ipc, uts, cgroup, time."""
FAMILIES = (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK)


@dataclass(frozen=True)
class _Machine:
    """The numbers of one processor architecture.

    Attributes:
        audit: its number in the filter's data.
        refused: system calls that are not permitted.
        missing: system calls that this kernel is said not to have, so that programs do without.
    """

    audit: int
    refused: tuple[int, ...]
    missing: tuple[int, ...]
    clone: int
    socket: int


# Both architectures have the same numbers from 424 on.
_NEWER = (428, 429, 430, 431, 432, 433, 442)
"""open_tree, move_mount, fsopen, fsconfig, fsmount, fspick, mount_setattr."""
_MISSING = (425, 426, 427, 435)
"""io_uring_setup, io_uring_enter, io_uring_register, clone3 (its flags cannot be looked at)."""
# fmt: off
_X86_64 = _Machine(
    audit=0xC000003E,
    # mount, umount2, pivot_root, chroot, unshare, setns, open_by_handle_at, name_to_handle_at,
    # add_key, request_key, keyctl, bpf, perf_event_open, userfaultfd, kexec_load, kexec_file_load,
    # init_module, finit_module, delete_module, iopl, ioperm, quotactl, quotactl_fd, swapon,
    # swapoff, reboot, acct, syslog, settimeofday, clock_settime. mknod is left: named pipes.
    refused=(165, 166, 155, 161, 272, 308, 304, 303, 248, 249, 250, 321, 298, 323, 246, 320,
             175, 313, 176, 172, 173, 179, 443, 167, 168, 169, 163, 103, 164, 227, *_NEWER),
    missing=_MISSING, clone=56, socket=41,
)
_AARCH64 = _Machine(
    audit=0xC00000B7,
    # The same; there is no iopl and no ioperm.
    refused=(40, 39, 41, 51, 97, 268, 265, 264, 217, 218, 219, 280, 241, 282, 104, 294,
             105, 273, 106, 60, 443, 224, 225, 142, 89, 116, 170, 112, *_NEWER),
    missing=_MISSING, clone=220, socket=198,
)
# fmt: on
_MACHINES = {"x86_64": _X86_64, "aarch64": _AARCH64}


def known() -> bool:
    """Say whether there is a filter for this processor."""
    return platform.machine() in _MACHINES


def program() -> bytes:
    """Return the filter as the kernel takes it; empty for a processor that is not known here."""
    if not known():
        return b""
    machine = _MACHINES[platform.machine()]
    allow, refuse, missing = "allow", "refuse", "missing"
    lines: list[tuple[int, int, str | None, str | None]] = [
        (_LD_WORD, _ARCHITECTURE, None, None),
        (_JUMP_EQUAL, machine.audit, None, missing),
        (_LD_WORD, _NUMBER, None, None),
        (_JUMP_ATLEAST, _X32, missing, None),
        *_each(machine.refused, refuse),
        *_each(machine.missing, missing),
        (_JUMP_EQUAL, machine.socket, "socket", None),
        (_JUMP_EQUAL, machine.clone, None, allow),
        (_LD_WORD, _FIRST_ARGUMENT, None, None),
        (_JUMP_ANY_BIT, _NEW_NAMESPACES, refuse, allow),
    ]
    marks = {"socket": len(lines)}
    lines += [(_LD_WORD, _FIRST_ARGUMENT, None, None), *_each(FAMILIES, allow)]
    for mark, answer in (
        ("family", _ERROR | errno.EAFNOSUPPORT),
        (allow, _ALLOW),
        (refuse, _ERROR | errno.EPERM),
        (missing, _ERROR | errno.ENOSYS),
    ):
        marks[mark] = len(lines)
        lines.append((_RETURN, answer, None, None))

    def to(mark: str | None, here: int) -> int:
        return 0 if mark is None else marks[mark] - here - 1

    return b"".join(
        struct.pack("=HBBI", code, to(yes, here), to(no, here), value)
        for here, (code, value, yes, no) in enumerate(lines)
    )


def _each(values: Iterable[int], mark: str) -> list[tuple[int, int, str | None, str | None]]:
    return [(_JUMP_EQUAL, int(value), mark, None) for value in values]


@functools.cache
def file() -> str:
    """Return the name of a file with the filter; it is in memory and ends with this process."""
    return in_memory("seccomp", program())


def in_memory(name: str, content: bytes) -> str:
    """Return the name of a file in memory that only this process's user can open."""
    descriptor = os.memfd_create(name)
    os.write(descriptor, content)
    return f"/proc/{os.getpid()}/fd/{descriptor}"
