"""The streams of an ipykernel: no thread is waited for where the one that runs code can do it.

In ipykernel one thread sends all that is published, and one more for each stream reads what
libraries in C and child processes print. Each hand-over to them takes Python's lock from the code
that runs: a cell `1+1` waited six times, with nothing to flush.
"""

from __future__ import annotations

import codecs
import os
import select
import sys
import threading
from typing import Any

from ipykernel.iostream import OutStream

CHUNK = 1 << 16
"""Bytes of a pipe: what may be in it before somebody reads."""


class Stream(OutStream):  # type: ignore[misc]
    """Flushes in the thread that asks for it, with all that was printed past Python until then.

    In a fork nothing is locked: who had a lock is not there.
    """

    flush_interval = 0.03

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self._taking, self._reading = threading.RLock(), threading.RLock()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        super().__init__(*arguments, **named)

    def flush(self) -> None:
        """Publish what was written so far; what another thread publishes just now is waited for."""
        if self._should_watch and self._is_master_process():
            self._read_pipe()
        self._flush()

    def close(self) -> None:
        """Flush only, so that the next cell prints too: `with sys.stdout as file` closes it."""
        self.flush()

    def _flush(self) -> None:
        if not self._is_master_process():
            super()._flush()
            return
        with self._taking:
            super()._flush()

    def _watch_pipe_fd(self) -> None:
        """Read what is printed past Python while code runs (a thread of its own)."""
        os.set_blocking(self._fid, False)
        waiting = select.poll()
        waiting.register(self._fid, select.POLLIN)
        try:
            while self._should_watch:
                waiting.poll()
                self._read_pipe()
        except Exception:  # of any kind: `close` tells, as in ipykernel
            self._exc = sys.exc_info()

    def _read_pipe(self) -> None:
        """Take what is in the pipe; read and written under one lock, so that none is on the way."""
        with self._reading:
            try:
                found = os.read(self._fid, CHUNK)
            except BlockingIOError:
                return
            if text := self._decoder.decode(found):
                self.write(text)
            os.write(self._original_stdstream_copy, found)
