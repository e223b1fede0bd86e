"""Wrong passwords make the next attempt wait, and lock nobody out.

Whoever tries one account from one address waits longer each time; the right password is still
right after the wait, and at once from another address. A stranger who tries passwords of somebody
else's account so delays nobody but those at the stranger's own address, for seconds.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

FREE = 5
"""Wrong passwords of one account from one address before the first wait."""
FREE_OF_ADDRESS = 50
"""The same for one address and whatever account."""
LONGEST = 8.0
FORGOTTEN_AFTER = 900.0
KEPT = 10_000
PROOF = "X-Hopyard-Proxy"
DIRECT = "not by the proxy"
WAITING = 3
"""Attempts on one account from one address that may wait at a time."""


def proof_of(proxy_token: str) -> str:
    """Return what our own proxy sends with a request to the Hub (see `cli/guard.cjs`)."""
    return hashlib.sha256(f"hopyard proxy {proxy_token}".encode()).hexdigest()


def address_of(handler: Any, proof: str) -> str:
    """Return the address that a request came from, as our own proxy wrote it down.

    Tornado's `remote_ip` believes a header that anybody may send; and whoever asks the Hub at its
    own port, as notebooks can, may send all of them: they are one address together.
    """
    shown = handler.request.headers.get(PROOF, "")
    if not hmac.compare_digest(shown.encode(), proof.encode()):
        return DIRECT
    trusted = handler.settings["app"].trusted_downstream_ips
    forwarded = handler.request.headers.get("X-Forwarded-For", "").split(",")
    for address in reversed([one.strip() for one in forwarded]):
        if address and address not in trusted:
            return str(address)
    return str(handler.request.remote_ip)


class TooMany(Exception):
    """Other attempts from there wait already."""


@dataclass
class Failures:
    """Wrong passwords of one kind: of an account from an address, or of an address."""

    count: int = 0
    last: float = 0.0
    waiting: int = 0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class Attempts:
    """Counts wrong passwords; what is old or too much is forgotten.

    Args:
        longest: seconds that an attempt waits at most.
    """

    def __init__(self, longest: float = LONGEST) -> None:
        self._longest = longest
        self._known: OrderedDict[tuple[str, str], Failures] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    @asynccontextmanager
    async def one(self, address: str, account: str) -> AsyncIterator[None]:
        """Wait for the turn of an attempt, one after the other.

        Raises:
            TooMany: too many wait already.
        """
        of_both = self._of(address, account)
        if of_both.waiting >= WAITING:
            raise TooMany
        of_both.waiting += 1
        try:
            async with of_both.turn:
                of_address = self._of(address, "")
                await asyncio.sleep(
                    max(self._wait(of_both, FREE), self._wait(of_address, FREE_OF_ADDRESS))
                )
                yield
        finally:
            of_both.waiting -= 1

    def failed(self, address: str, account: str) -> None:
        """Count a wrong password."""
        for failures in (self._of(address, account), self._of(address, "")):
            failures.count += 1
            failures.last = time.monotonic()

    def succeeded(self, address: str, account: str) -> None:
        """Forget the wrong passwords of an account from an address."""
        self._of(address, account).count = 0

    def _wait(self, failures: Failures, free: int) -> float:
        over = failures.count - free
        return min(2.0 ** min(over, 10) / 2, self._longest) if over >= 0 else 0.0

    def _of(self, address: str, account: str) -> Failures:
        key = (address, account)
        found = self._known.pop(key, None)
        old = time.monotonic() - FORGOTTEN_AFTER
        if found is None or (found.last < old and not found.waiting):
            found = Failures(last=time.monotonic())
        self._known[key] = found
        while len(self._known) > KEPT:
            self._known.popitem(last=False)
        return found
