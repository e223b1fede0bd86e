"""Redirects of the Spark UI, as browsers see them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from hopyard.livy.routes.ui import hidden, moved
from hopyard.mask import Mask
from hopyard.protocol.spark_ui import signed

BASE, PUBLIC = "http://127.0.0.1:4040", "/projects/p/applications/7/ui"


@pytest.mark.parametrize(
    ("location", "seen"),
    [
        ("http://127.0.0.1:4040/jobs/", f"{PUBLIC}/jobs/"),
        (f"http://127.0.0.1:4040{PUBLIC}/jobs/?id=1", f"{PUBLIC}/jobs/?id=1"),
        ("/stages/", f"{PUBLIC}/stages/"),
        (f"{PUBLIC}/stages/", f"{PUBLIC}/stages/"),
        ("http://elsewhere.example/x", f"{PUBLIC}/"),
        ("//elsewhere.example/x", f"{PUBLIC}/"),
    ],
)
def test_redirects_stay_inside(location: str, seen: str) -> None:
    assert moved(location, BASE, PUBLIC) == seen


def test_signed_token_has_three_parts_without_padding() -> None:
    parts = signed(b"k" * 32).split(".")
    assert len(parts) == 3
    assert not any("=" in part for part in parts)


@pytest.mark.parametrize("cut", range(1, 24))
async def test_secrets_are_hidden_on_pages_however_they_come(cut: int) -> None:
    page = "<td>é s3&amp;cret</td>".encode()
    mask = Mask()
    mask.add("s3&cret")

    async def pieces() -> AsyncIterator[bytes]:
        yield page[:cut]
        yield page[cut:]

    shown = b"".join([piece async for piece in hidden(pieces(), mask)])
    assert shown.decode() == "<td>é ********</td>"
