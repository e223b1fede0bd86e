"""The streams of a Python kernel: a flush sends what was written, and waits for nothing else."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import zmq
from ipykernel.iostream import IOPubThread
from jupyter_client.session import Session

from hopyard.kernels.streams import Stream

SECONDS = 5.0


@pytest.fixture
def stream() -> Iterator[Any]:
    """Give a stream as the kernel has it; without the pipe, which is pytest's here."""
    context = zmq.Context()
    thread = IOPubThread(context.socket(zmq.PUB))
    thread.start()
    yield Stream(Session(key=b"key"), thread, "stdout", watchfd=False)
    loop: Any = thread.io_loop
    asyncio.run_coroutine_threadsafe(_tidy(thread), loop.asyncio_loop).result(SECONDS)
    thread.stop()
    thread.close()
    context.term()


async def _tidy(thread: Any) -> None:
    """End the thread's own task, which it leaves behind when it is stopped."""
    thread._event_pipe_gc_task.cancel()
    await asyncio.wait({thread._event_pipe_gc_task})


@pytest.fixture
def piped(stream: Any) -> Iterator[int]:
    """Let the stream read a pipe, as the kernel's read what libraries in C print; give its end."""
    reading, writing = os.pipe()
    copy = os.open(os.devnull, os.O_WRONLY)
    os.set_blocking(reading, False)
    stream._fid, stream._original_stdstream_copy, stream._should_watch = reading, copy, True
    yield writing
    stream._should_watch = False
    for descriptor in (reading, writing, copy):
        os.close(descriptor)


def test_flush_waits_for_no_thread(stream: Any) -> None:
    begun, gate = threading.Event(), threading.Event()
    ended = []

    def hold() -> None:
        begun.set()
        ended.append(gate.wait(SECONDS))

    stream.pub_thread.schedule(hold)
    assert begun.wait(SECONDS)
    stream.flush_interval = 60
    stream.write("text")
    stream.flush()
    assert not stream._buffers
    assert not ended
    gate.set()


def test_flush_waits_for_text_that_another_thread_publishes(
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


def test_flush_takes_what_was_printed_past_python(
    stream: Any, piped: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = []
    monkeypatch.setattr(
        stream.session, "send", lambda _, message, **__: said.append(message["content"]["text"])
    )
    os.write(piped, "first, then é".encode())
    stream.flush()
    os.write(piped, b"a letter in two \xc3")
    stream.flush()
    os.write(piped, b"\xa9 pieces")
    stream.flush()
    stream.flush()
    assert said == ["first, then é", "a letter in two ", "é pieces"]
