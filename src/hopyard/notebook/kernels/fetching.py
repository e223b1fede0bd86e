"""Rows on their way from Spark to the notebook, while somebody waits for them."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Any

from hopyard.notebook.kernels.progress import Bar

INTERVAL = 0.5
"""Seconds between two updates."""
COMPUTES = "Spark computes the rows"


class Fetching:
    """Shows how far a fetch is: first Spark computes (for how long is not known), then rows come.

    The thread that fetches waits in a socket, so another one tells the time.

    Args:
        kernel: the kernel whose cell it is.
    """

    def __init__(self, kernel: Any) -> None:
        self._kernel = kernel
        # Another thread does not know to which cell its messages belong.
        self._parent = kernel.get_parent("shell")
        self._bar = Bar(self._send, "Rows")
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._tell, name="fetching", daemon=True)
        self._size: int | None = None
        self._come = 0

    def __enter__(self) -> Fetching:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        """Let the bar go."""
        self._over.set()
        self._thread.join()
        self._bar.end(f"Rows: {_size(self._come)}" if error is None else "Rows: not fetched")

    def counted(self, stream: Any, size: str | None) -> Counted:
        """Return a stream whose bytes are counted; `size` is what its header says of it."""
        self._size = int(size) if size else None
        return Counted(stream, self)

    def came(self, number: int) -> None:
        """So many more bytes are here."""
        self._come += number

    def _tell(self) -> None:
        while not self._over.wait(INTERVAL):
            if not self._size:
                self._bar.show(COMPUTES, None)
            else:
                words = f"{_size(self._come)} of {_size(self._size)}"
                self._bar.show(words, min(self._come / self._size, 1.0))

    def _send(self, kind: str, content: dict[str, Any]) -> None:
        kernel = self._kernel
        topic = kernel._topic(kind)
        kernel.session.send(kernel.iopub_socket, kind, content, parent=self._parent, ident=topic)


class Counted:
    """A stream that says what was read of it."""

    closed = False

    def __init__(self, stream: Any, fetching: Fetching) -> None:
        self._stream = stream
        self._fetching = fetching

    def read(self, size: int = -1) -> bytes:
        """Read at most so many bytes."""
        found: bytes = self._stream.read(size if size >= 0 else None)
        self._fetching.came(len(found))
        return found


def _size(number: int) -> str:
    return f"{number / 1e6:,.1f} MB" if number >= 100_000 else f"{number / 1e3:,.1f} kB"
