"""POSTs that are sent again: what one made is made once.

A client whose POST had no answer cannot know whether it was taken. One that sends a key with it
(`Idempotency-Key`) sends the same again and gets what the first one made. The key is written down
in the row of what it made, in the same transaction, so it holds through a kill of the server.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Hashable
from typing import Any, Generic, Protocol, TypeVar

from hopyard.errors import InvalidInput


class Numbered(Protocol):
    """What a request makes."""

    id: int


One = TypeVar("One", bound=Numbered)


class Once(Generic[One]):
    """The keys of some requests that make something.

    Args:
        most: keys that are kept; the oldest are forgotten.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._made: OrderedDict[Hashable, int] = OrderedDict()
        self._making: dict[Hashable, asyncio.Task[One]] = {}

    def knows(self, key: Hashable, number: int) -> None:
        """Take up what a key made, as the tables say."""
        self._made[key] = number
        while len(self._made) > self._most:
            self._made.popitem(last=False)

    async def get(
        self,
        key: Hashable | None,
        make: Callable[[], Coroutine[Any, Any, One]],
        find: Callable[[int], Awaitable[One]],
    ) -> One:
        """Return what a request makes, or what it made when it came before.

        Args:
            key: None: the client sends none, whatever comes is new.
            make: makes it.
            find: returns what was made, by its number.
        """
        if key is None:
            return await make()
        if (number := self._made.get(key)) is not None:
            return await find(number)
        making = self._making.get(key)
        if making is None:
            making = self._making[key] = asyncio.create_task(make())
            making.add_done_callback(lambda done: self._settle(key, done))
        # Shielded: the second one may wait for it when the first has gone.
        return await asyncio.shield(making)

    def _settle(self, key: Hashable, done: asyncio.Task[One]) -> None:
        del self._making[key]
        if not done.cancelled() and done.exception() is None:
            self.knows(key, done.result().id)


def check_same(before: object, asked: object) -> None:
    """See that a request with a known key is the one that came before.

    Raises:
        InvalidInput: it asks for something else.
    """
    if before != asked:
        raise InvalidInput("This Idempotency-Key was used for another request: use a new one.")
