"""The sandbox holds, for root and for an ordinary user, and the platform says when it does not."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from hopyard.errors import SetupError
from hopyard.launchers import owner, sandbox, seccomp
from hopyard.launchers.sandbox import Sandbox, bwrap, check
from tests.ordinary import UID, as_root, ordinary


def run(box: Sandbox, script: str) -> str:
    """Run a shell script inside; return what it printed."""
    command = box.wrap(["/bin/bash", "-c", script])
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_sandbox_holds() -> None:
    check()


@as_root
def test_sandbox_of_an_ordinary_user_holds(tmp_path: Path) -> None:
    program = "from hopyard.launchers import sandbox; sandbox.check(); print('held')"
    command = ordinary([sys.executable, "-c", program], tmp_path)
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "held\n", done.stderr


@as_root
def test_sandbox_that_does_not_hold_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    # Root that stays root: what the kernel gives to it without capabilities is found.
    monkeypatch.setattr(owner, "drops", lambda: False)
    sandbox._accounts.cache_clear()
    with pytest.raises(SetupError, match=r"does not hold.*/etc/shadow is read.*core_pattern"):
        check()
    sandbox._accounts.cache_clear()


@as_root
def test_each_door_is_tried() -> None:
    # A sandbox of namespaces alone, as root: nearly all doors are open.
    told = json.dumps({"namespaces": sandbox.namespaces()})
    command = [bwrap(), "--bind", "/", "/", "--dev", "/dev", "--tmpfs", "/tmp"]
    command += [sys.executable, "-m", "hopyard.launchers.battery", told]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    found = "; ".join(json.loads(done.stdout))
    for door in (
        "capabilities (CapEff",
        "no system calls are filtered",
        "files are opened by handle",
        "unshare works",
        "chroot works",
        "something is mounted",
        "raw sockets",
        "/etc/shadow is read",
        "core_pattern is written",
        "the namespace pid is the platform's",
        "the user is root",
    ):
        assert door in found


def test_data_in_sight_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o755)
    monkeypatch.setattr(sandbox, "SYSTEM", (*sandbox.SYSTEM, str(tmp_path)))
    with pytest.raises(SetupError, match=f"{tmp_path} can be read from inside the sandbox"):
        check((tmp_path,))


def test_inside_has_a_name_and_owns_its_folders(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "file").write_text("from before")
    (tmp_path / "link").symlink_to("/etc/hostname")
    box = Sandbox(writable={tmp_path: "/project"}, home="/project")
    script = "whoami; cd ~hopyard; pwd; echo new > old/file; mkdir more; cat old/file"
    assert run(box, script).split() == ["hopyard", "/project", "new"]
    assert Path("/etc/hostname").stat().st_uid == 0
    late = tmp_path / "late" / "folder"
    owner.make_folder(late)
    assert {path.stat().st_uid for path in (late, late.parent)} == {tmp_path.stat().st_uid}
    assert run(box, "touch late/folder/mine && echo done") == "done"


def test_memory_outside_of_the_folders_has_an_end(tmp_path: Path) -> None:
    box = Sandbox(writable={tmp_path: "/project"}, tmp_mb=8)
    fill = "head -c 20000000 /dev/zero > {}/x 2>/dev/null; stat -c %s {}/x"
    for place in ("/tmp", "/dev/shm"):
        assert int(run(box, fill.format(place, place))) <= 8 * 2**20
    nowhere = "for one in / /dev /run /home; do touch $one/x 2>/dev/null && echo $one; done; true"
    box = Sandbox(writable={tmp_path: "/project/inside"}, work_dir="/project/inside")
    writable = [] if owner.drops() else ["/run"]
    assert run(box, nowhere).split() == writable
    assert run(box, "touch /project/x 2>/dev/null || echo refused") == "refused"


@pytest.mark.skipif(not seccomp.known(), reason="no filter for this processor")
def test_ordinary_programs_do_not_notice_the_filter(tmp_path: Path) -> None:
    program = (
        "import socket, subprocess, threading, multiprocessing as m\n"
        "socket.create_server(('127.0.0.1', 0)); socket.socketpair()\n"
        "print(m.get_context('fork').Pool(2).map(abs, [-1]), subprocess.getoutput('echo a | cat'))"
    )
    box = Sandbox(writable={tmp_path: "/project"})
    command = box.wrap([sys.executable, "-c", program])
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.stdout == "[1] a\n", done.stderr


def test_filter_refuses_what_is_named() -> None:
    assert len(seccomp.program()) % 8 == 0
    assert seccomp.known() == (platform.machine() in {"x86_64", "aarch64"})


@as_root
def test_ordinary_user_is_no_root() -> None:
    assert owner.drops()
    assert owner.inside() == (owner.UID, owner.GID)
    assert UID != owner.UID
    assert os.geteuid() == 0
