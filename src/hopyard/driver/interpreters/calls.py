"""Calls into the JVM that may take for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from hopyard.driver.interpreters.base import InterpreterDied

T = TypeVar("T")


class Calls:
    """A thread for calls, one after the other; it can be given up and replaced.

    py4j pins it to a thread of the JVM, where Spark's job groups live.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._thread = ThreadPoolExecutor(1, name)
        self._given_up: asyncio.Future[None] | None = None

    async def run(self, function: Callable[..., T], *args: Any) -> T:
        """Run a function in the thread.

        Raises:
            InterpreterDied: it was given up meanwhile.
        """
        loop = asyncio.get_running_loop()
        running = loop.run_in_executor(self._thread, _called, function, args)
        if self._given_up is None:
            self._given_up = loop.create_future()
        both: set[asyncio.Future[Any]] = {running, self._given_up}
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if not running.done():
            raise InterpreterDied("It was given up")
        return running.result()

    def give_up(self) -> None:
        """Wait no longer for what runs; go on in a fresh thread."""
        if self._given_up is not None and not self._given_up.done():
            self._given_up.set_result(None)
        self._given_up = None
        self._thread.shutdown(wait=False, cancel_futures=True)
        self._thread = ThreadPoolExecutor(1, self._name)


def _called(function: Callable[..., T], args: tuple[Any, ...]) -> T:
    try:
        return function(*args)
    except StopIteration as error:  # no future can hold it: nobody would ever be told
        raise RuntimeError("StopIteration") from error
