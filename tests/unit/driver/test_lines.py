"""The agent's sockets to a kernel."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path
from typing import Any

import pytest
import zmq

from hopyard.driver.interpreters.framing import packed
from hopyard.driver.interpreters.kernel_process import PUBLISHED, REQUESTS
from hopyard.driver.interpreters.lines import AT_ONCE, Channel, DirectLine

SECONDS = 10
MANY = 20 * AT_ONCE


class Addresses:
    """Stands for a kernel's process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def address(self, port: int) -> str:
        return f"ipc://{self._folder}/{port}"


@pytest.fixture
def kernel(tmp_path: Path) -> Any:
    return Addresses(tmp_path)


async def test_kernel_that_never_stops_talking_leaves_time_for_others(kernel: Any) -> None:
    taken: list[bytes] = []
    turns: list[int] = []
    all_there = asyncio.Event()

    def take(channel: Channel, frames: list[bytes]) -> None:
        assert channel is Channel.PUBLISHED
        taken.append(frames[0])
        if len(taken) == MANY:
            all_there.set()

    context: zmq.Context[Any] = zmq.Context()
    talking = context.socket(zmq.PUSH)
    talking.sndhwm = 0
    talking.connect(kernel.address(PUBLISHED))
    for number in range(MANY):
        talking.send(packed([packed([b"%d" % number])]))
    line = DirectLine(kernel, take)
    try:
        async with asyncio.timeout(SECONDS):
            while not all_there.is_set():
                turns.append(len(taken))
                await asyncio.sleep(0)
    finally:
        line.close()
        context.destroy(linger=0)
    assert taken == [b"%d" % number for number in range(MANY)]
    assert max(after - before for before, after in itertools.pairwise(turns)) <= (2 * AT_ONCE)


async def test_requests_come_in_the_name_of_who_is_asked_back(kernel: Any) -> None:
    context: zmq.Context[Any] = zmq.Context()
    requests = context.socket(zmq.PULL)
    requests.rcvtimeo = SECONDS * 1000
    line = DirectLine(kernel, lambda *_: None)
    try:
        requests.connect(kernel.address(REQUESTS))
        line.ask([b"a", b"b"])
        name, *frames = await asyncio.to_thread(requests.recv_multipart)
        assert frames == [b"a", b"b"]
        assert len(name) == 16
    finally:
        line.close()
        context.destroy(linger=0)
