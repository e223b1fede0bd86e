"""The streams of a Python kernel: a flush waits for the thread that sends only when it must."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import zmq
from ipykernel.iostream import IOPubThread, OutStream
from jupyter_client.session import Session

from hopyard.driver.interpreters import streams

SECONDS = 5.0


@pytest.fixture
def stream() -> Iterator[Any]:
    """Give a stream as the kernel has it; without the pipe, which is pytest's here."""
    context = zmq.Context()
    thread = IOPubThread(context.socket(zmq.PUB))
    thread.start()
    made: Any = OutStream(Session(key=b"key"), thread, "stdout", watchfd=False)
    streams.flush_when_needed(made)
    yield made
    loop: Any = thread.io_loop
    asyncio.run_coroutine_threadsafe(_tidy(thread), loop.asyncio_loop).result(SECONDS)
    thread.stop()
    thread.close()
    context.term()


async def _tidy(thread: Any) -> None:
    """End the thread's own task, which it leaves behind when it is stopped."""
    thread._event_pipe_gc_task.cancel()
    await asyncio.wait({thread._event_pipe_gc_task})


def test_flush_of_nothing_does_not_wait(stream: Any) -> None:
    begun, gate = threading.Event(), threading.Event()
    ended = []

    def hold() -> None:
        begun.set()
        ended.append(gate.wait(SECONDS))

    stream.pub_thread.schedule(hold)
    assert begun.wait(SECONDS)
    stream.flush()
    assert not ended
    gate.set()


def test_flush_of_text_waits_until_it_is_taken(stream: Any) -> None:
    stream.flush_interval = 60
    stream.write("text")
    stream.flush()
    assert not stream._buffers


def test_flush_waits_for_what_was_published_before(stream: Any) -> None:
    begun, gate, sent = threading.Event(), threading.Event(), threading.Event()

    def hold() -> None:
        begun.set()
        gate.wait(SECONDS)

    stream.pub_thread.schedule(hold)
    assert begun.wait(SECONDS)
    stream.pub_thread.schedule(sent.set)
    threading.Timer(0.05, gate.set).start()
    stream.flush()
    assert sent.is_set()


def test_flush_waits_for_text_that_the_thread_has_taken_and_not_yet_published(
    stream: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken, gate, flushed = threading.Event(), threading.Event(), threading.Event()
    send = stream.session.send

    def held(*arguments: Any, **named: Any) -> Any:
        taken.set()
        gate.wait(SECONDS)
        return send(*arguments, **named)

    monkeypatch.setattr(stream.session, "send", held)
    stream.flush_interval = 0
    stream.write("text")
    assert taken.wait(SECONDS)
    threading.Thread(target=lambda: (stream.flush(), flushed.set())).start()
    assert not flushed.wait(0.2)
    gate.set()
    assert flushed.wait(SECONDS)
