"""Publishing from many threads by one socket, also while they are interrupted."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import zmq
from jupyter_client.session import Session

from hopyard.kernels.publisher import Publisher, SharedSocket

SECONDS = 10.0
MESSAGES = 2000


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    context: zmq.Context[Any] = zmq.Context()
    socket = context.socket(zmq.XPUB, socket_class=SharedSocket)
    socket.sndhwm = 0
    socket.bind("inproc://published")
    made = Publisher(socket, session=Session(key=b"key"))
    made.start()
    yield made
    asyncio.run_coroutine_threadsafe(_tidy(made), made.io_loop.asyncio_loop).result(SECONDS)
    made.stop()
    made.close()
    context.destroy(linger=0)


async def _tidy(publisher: Publisher) -> None:
    """End the thread's own task, which it leaves behind when it is stopped."""
    publisher._event_pipe_gc_task.cancel()
    await asyncio.wait({publisher._event_pipe_gc_task})


def listener(publisher: Publisher, topic: bytes = b"") -> zmq.Socket[bytes]:
    socket: zmq.Socket[bytes] = publisher.socket.context.socket(zmq.SUB)
    socket.rcvhwm, socket.rcvtimeo = 0, int(SECONDS * 1000)
    socket.subscribe(topic)
    socket.connect("inproc://published")
    return socket


def welcome(socket: zmq.Socket[bytes]) -> None:
    while b"iopub_welcome" not in b"".join(socket.recv_multipart()):
        pass


def test_messages_of_threads_arrive_whole_and_in_order_whatever_interrupts(
    publisher: Publisher,
) -> None:
    socket = listener(publisher)
    welcome(socket)
    done = threading.Event()

    def publish(name: bytes) -> None:
        number = 0
        while number < MESSAGES:
            with contextlib.suppress(KeyboardInterrupt):
                publisher.send_multipart([name, b"%d" % number, b"x" * 100])
            number += 1

    def interrupt() -> None:
        while not done.wait(0.0005):
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    threads = [threading.Thread(target=publish, args=(name,)) for name in (b"b", b"c")]
    interrupting = threading.Thread(target=interrupt)
    try:
        for thread in (*threads, interrupting):
            thread.start()
        while True:
            try:
                publish(b"main")
                break
            except KeyboardInterrupt:  # between two messages
                continue
    finally:
        while interrupting.is_alive():
            with contextlib.suppress(KeyboardInterrupt):
                done.set()
                interrupting.join(0.1)
        signal.signal(signal.SIGINT, before)
    for thread in threads:
        thread.join(SECONDS)
    publisher.send_multipart([b"end"])
    last: dict[bytes, int] = {}
    while (frames := socket.recv_multipart()) != [b"end"]:
        name, number, rest = frames
        assert rest == b"x" * 100
        assert name == b"main" or int(number) == last.get(name, -1) + 1
        last[name] = int(number)
    assert last[b"b"] == last[b"c"] == MESSAGES - 1


def test_new_listener_is_greeted_while_others_publish(publisher: Publisher) -> None:
    over = threading.Event()

    def publish() -> None:
        while not over.is_set():
            publisher.send_multipart([b"a", b"b"])
            time.sleep(0)

    busy = threading.Thread(target=publish)
    busy.start()
    try:
        for number in range(20):
            socket = listener(publisher, b"%d" % number)
            welcome(socket)
            socket.close(linger=0)
    finally:
        over.set()
        busy.join(SECONDS)
