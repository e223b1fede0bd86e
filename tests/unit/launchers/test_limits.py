"""What runs in a sandbox has limits: by control groups, or watched where there are none."""

from __future__ import annotations

import dataclasses
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hopyard import limits as told
from hopyard.launchers import cgroups, owner
from hopyard.launchers.limits import Limits, half_of_all_processes, of_driver, size, trim
from hopyard.launchers.processes import find
from hopyard.launchers.sandbox import Sandbox
from hopyard.settings import Settings
from tests.ordinary import as_root, ordinary

MEMORY = 150 * 2**20
GREEDY = "import time; x = bytearray(300 * 2**20); x[::4096] = b'1' * len(x[::4096]); time.sleep(9)"
FORKS = """
import os, signal, time
made = []
try:
    while len(made) < 300:
        pid = os.fork()
        if pid == 0:
            time.sleep(60)
            os._exit(0)
        made.append(pid)
except BlockingIOError:
    print("refused after", len(made))
for pid in made:
    os.kill(pid, signal.SIGKILL)
"""


def settings(tmp_path: Path, **more: int) -> Settings:
    return Settings(data_dir=tmp_path, limits={"processes": 100, "log": 4, **more})


@contextmanager
def running(box: Sandbox, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(box.wrap(list(words)), start_new_session=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait(timeout=10)


@pytest.mark.parametrize("grouped", [True, False])
def test_memory_ends_what_takes_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, grouped: bool
) -> None:
    if not grouped:
        monkeypatch.setattr(cgroups, "place", lambda: None)
    elif cgroups.place() is None:
        pytest.skip("this machine lets nobody make control groups")
    project = tmp_path / "project"
    project.mkdir()
    mine = Limits.make(settings(tmp_path), "drivers/1", MEMORY)
    assert bool(mine.groups) == grouped
    box = Sandbox(writable={project: "/project"}, limits=mine)
    with running(box, sys.executable, "-c", GREEDY) as process:
        end = time.monotonic() + 15
        while process.poll() is None:
            found = find(process.pid)
            mine.look([found] if found else [], None)
            assert time.monotonic() < end
            time.sleep(0.05)
        assert process.returncode == 128 + 9
    again = Limits.from_state(mine.to_state())
    assert again == mine
    assert again.how_it_ended == (
        "was ended for its memory: its processes together used the 150 MB that they may use"
    )
    Limits.forget(settings(tmp_path), "drivers/1")
    assert not mine.folder.exists()


def test_what_is_in_tmp_counts_as_memory(tmp_path: Path) -> None:
    if cgroups.place() is None:
        pytest.skip("this machine lets nobody make control groups")
    mine = Limits.make(settings(tmp_path), "drivers/2", MEMORY)
    box = Sandbox(work_dir="/tmp", limits=mine)
    script = "for i in 1 2 3; do head -c 100000000 /dev/zero > /tmp/$i; done"
    done = subprocess.run(box.wrap(["/bin/bash", "-c", script]), check=False, timeout=30)
    assert done.returncode or told.killed(mine.folder)
    Limits.forget(settings(tmp_path), "drivers/2")


def test_inside_the_limit_is_seen(tmp_path: Path) -> None:
    before = os.umask(0o077)  # the platform's own
    try:
        mine = Limits.make(settings(tmp_path), "drivers/3", MEMORY)
    finally:
        os.umask(before)
    program = "from hopyard import limits; print(limits.killed(), limits.ended())"
    command = Sandbox(work_dir="/tmp", limits=mine).wrap([sys.executable, "-c", program])
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout
    assert said.startswith("0 was ended for its memory")
    assert "the 150 MB" in said
    Limits.forget(settings(tmp_path), "drivers/3")


def test_limit_of_processes_leaves_room_for_the_threads_of_spark(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    assert Limits.make(settings, "a", 2**30).processes >= 4 * 1024
    Limits.forget(settings, "a")


def test_processes_have_an_end(tmp_path: Path) -> None:
    if cgroups.place() is None:
        pytest.skip("this machine lets nobody make control groups")
    mine = Limits.make(settings(tmp_path), "drivers/4", 2**30)
    box = Sandbox(work_dir="/tmp", limits=mine, dies_with_parent=True)
    command = box.wrap([sys.executable, "-c", FORKS])
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert 80 < int(done.stdout.removeprefix("refused after ")) < 100
    Limits.forget(settings(tmp_path), "drivers/4")


@pytest.mark.skipif(not owner.drops(), reason="for root, who becomes another user inside")
def test_processes_that_root_starts_without_control_groups_do_not_take_all(tmp_path: Path) -> None:
    mine = dataclasses.replace(Limits.make(settings(tmp_path), "drivers/5", 2**30), groups=())
    code = "import resource, os; print(os.getuid(), resource.getrlimit(resource.RLIMIT_NPROC)[1])"
    command = Sandbox(work_dir="/tmp", limits=mine).wrap([sys.executable, "-c", code])
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    number, most = map(int, said.split())
    assert number == owner.UID
    assert most == half_of_all_processes()
    assert most < int(Path("/proc/sys/kernel/pid_max").read_text())
    Limits.forget(settings(tmp_path), "drivers/5")


@as_root
def test_processes_of_an_ordinary_user_have_an_end(tmp_path: Path) -> None:
    program = f"""
import subprocess, sys
from pathlib import Path
from hopyard.launchers.limits import Limits
from hopyard.launchers.sandbox import Sandbox
from hopyard.settings import Settings
settings = Settings(data_dir=Path({str(tmp_path)!r}), limits={{"processes": 100}})
box = Sandbox(work_dir="/tmp", limits=Limits.make(settings, "drivers/1", 2**30))
code = "import resource; print(resource.getrlimit(resource.RLIMIT_NPROC)[1])"
print(subprocess.run(box.wrap([sys.executable, "-c", code]), capture_output=True, text=True))
"""
    command = ordinary([sys.executable, "-c", program], tmp_path)
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert "stdout='100\\n'" in done.stdout, done.stdout + done.stderr
    assert resource.getrlimit(resource.RLIMIT_NPROC)[1] != 100
    assert os.geteuid() == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [("2g", 2 * 2**30), ("512", 512 * 2**20), ("1536MB", 1536 * 2**20), ("0.5g", 0), ("", 0)],
)
def test_sizes_are_in_the_words_of_spark(text: str, expected: int) -> None:
    assert size(text) == expected


def test_driver_may_use_its_memory_and_more(tmp_path: Path) -> None:
    mine = settings(tmp_path, driver_extra=1000)
    assert of_driver({"spark.driver.memory": "2g"}, mine) == 3048 * 2**20
    large = {"spark.driver.memory": "2g", "spark.driver.memoryOverhead": "4g"}
    assert of_driver(large, mine) == 6 * 2**30
    more = {"spark.driver.memory": "1g", "spark.memory.offHeap.size": "3g"}
    assert of_driver(more, mine) == 4 * 2**30
    assert of_driver({}, mine) == 2024 * 2**20


def test_log_that_is_too_large_keeps_its_ends(tmp_path: Path) -> None:
    log = tmp_path / "driver.log"
    limit = 4 * 2**20
    with log.open("ab", buffering=0) as writing:
        writing.write(b"the beginning\n" + b"x" * limit + b"\nthe end\n")
        before = log.stat().st_size
        trim(log, limit)
        content = log.read_bytes()
        assert content.startswith(b"the beginning\n")
        assert content.endswith(b"\nthe end\n")
        assert len(content) < before / 1.9
        assert b"bytes were cut here: a log may have 4 MB]" in content
        writing.write(b"what comes later\n")
    assert log.read_bytes().endswith(b"the end\nwhat comes later\n")
    whole = log.read_bytes()
    trim(log, limit)
    assert log.read_bytes() == whole


def test_log_that_is_a_link_is_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"x" * 100)
    (tmp_path / "log").symlink_to(target)
    trim(tmp_path / "log", 10)
    assert target.stat().st_size == 100
