"""Wrong passwords make attempts wait, at one address and on one account, and lock nobody out."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace

import pytest

from hopyard.hub import attempts
from hopyard.hub.attempts import (
    DIRECT,
    FREE,
    PROOF,
    WAITING,
    Attempts,
    TooMany,
    address_of,
    proof_of,
)

HERE, ELSEWHERE = "10.0.0.1", "10.0.0.2"
LONGEST = 0.8


async def seconds(tries: Attempts, address: str, account: str = "ada") -> float:
    begun = time.monotonic()
    async with tries.one(address, account):
        return time.monotonic() - begun


async def test_wait_grows_to_a_limit_at_one_address_and_one_account() -> None:
    tries = Attempts(LONGEST)
    for _ in range(FREE):
        assert await seconds(tries, HERE) < 0.3
        tries.failed(HERE, "ada")
    assert await seconds(tries, HERE) >= 0.5
    for _ in range(20):
        tries.failed(HERE, "ada")
    assert LONGEST <= await seconds(tries, HERE) < 3 * LONGEST
    assert await seconds(tries, ELSEWHERE) < 0.3
    assert await seconds(tries, HERE, "bob") < 0.3
    tries.succeeded(HERE, "ada")
    assert await seconds(tries, HERE) < 0.3


async def test_one_address_waits_whatever_accounts_it_tries() -> None:
    tries = Attempts(LONGEST)
    for number in range(attempts.FREE_OF_ADDRESS):
        tries.failed(HERE, f"name{number}")
    assert await seconds(tries, HERE, "one-more") >= 0.5
    assert await seconds(tries, ELSEWHERE, "one-more") < 0.3


async def test_attempts_at_once_take_turns_and_are_few() -> None:
    tries = Attempts(LONGEST)
    for _ in range(FREE):
        tries.failed(HERE, "ada")
    begun = time.monotonic()
    said = await asyncio.gather(
        *(seconds(tries, HERE) for _ in range(WAITING + 5)), return_exceptions=True
    )
    assert sum(isinstance(one, TooMany) for one in said) == 5
    assert time.monotonic() - begun >= WAITING * 0.5
    assert await seconds(tries, ELSEWHERE) < 0.3


@pytest.mark.parametrize(
    ("forwarded", "trusted", "address"),
    [
        ("10.0.0.1", [], "10.0.0.1"),
        ("1.1.1.1, 10.0.0.1", [], "10.0.0.1"),  # the first was sent, the last is our proxy's word
        ("10.0.0.1, 10.0.0.9", ["10.0.0.9"], "10.0.0.1"),
        (None, [], "127.0.0.1"),
    ],
)
def test_nobody_makes_up_an_address(
    forwarded: str | None, trusted: list[str], address: str
) -> None:
    headers = {"X-Real-Ip": "6.6.6.6", PROOF: proof_of("token")}
    headers |= {"X-Forwarded-For": forwarded} if forwarded else {}
    request = SimpleNamespace(headers=headers, remote_ip="127.0.0.1")
    app = SimpleNamespace(trusted_downstream_ips=trusted)
    handler = SimpleNamespace(request=request, settings={"app": app})
    assert address_of(handler, proof_of("token")) == address
    # Who does not come by the proxy says what they like.
    assert address_of(handler, proof_of("another")) == DIRECT
    del headers[PROOF]
    assert address_of(handler, proof_of("token")) == DIRECT


def test_what_is_kept_is_bounded_and_old_failures_are_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(attempts, "KEPT", 100)
    tries = Attempts(LONGEST)
    for number in range(1000):
        tries.failed(HERE, f"name{number}")
    assert len(tries) == 100
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + attempts.FORGOTTEN_AFTER + 1)
    assert asyncio.run(seconds(tries, HERE, "name999")) == 0
