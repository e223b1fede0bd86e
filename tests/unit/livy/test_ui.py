"""Redirects of the Spark UI, as browsers see them."""

from __future__ import annotations

import pytest

from hopyard.livy.routes.ui import moved
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
