"""Messages of several frames as one frame."""

from __future__ import annotations

import pytest

from hopyard.driver.interpreters.framing import packed, unpacked

MESSAGES = ([], [b""], [b"a", b"", b"\0" * 300], [b"x" * 100_000, "é".encode()])


@pytest.mark.parametrize("frames", MESSAGES)
def test_frames_come_out_as_they_went_in(frames: list[bytes]) -> None:
    assert unpacked(packed(frames)) == frames


def test_buffers_are_bytes_whatever_their_items_are() -> None:
    numbers = memoryview(b"12345678").cast("I")
    assert unpacked(packed([numbers])) == [b"12345678"]  # type: ignore[list-item]


@pytest.mark.parametrize("frame", [b"", b"abc", packed([b"abc"])[:-1], packed([b"abc"]) + b"d"])
def test_what_was_not_packed_is_refused(frame: bytes) -> None:
    with pytest.raises(ValueError, match=r"head|short"):
        unpacked(frame)
