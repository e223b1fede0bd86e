"""Several frames as one: a message that is sent in one call is whole, whatever interrupts code."""

from __future__ import annotations

import struct
from collections.abc import Sequence

_NUMBER = struct.Struct(">I")


def packed(frames: Sequence[bytes]) -> bytes:
    """Return frames as one: their count, their lengths, and what is in them."""
    lengths = (len(memoryview(frame).cast("B")) for frame in frames)
    head = b"".join(map(_NUMBER.pack, (len(frames), *lengths)))
    return b"".join((head, *frames))


def unpacked(frame: bytes) -> list[bytes]:
    """Return the frames of one.

    Raises:
        ValueError: it is none that `packed` made.
    """
    try:
        count = _NUMBER.unpack_from(frame)[0]
        lengths = struct.unpack_from(f">{count}I", frame, _NUMBER.size)
    except struct.error:
        raise ValueError("no head") from None
    begin = _NUMBER.size * (count + 1)
    frames = []
    for length in lengths:
        frames.append(frame[begin : begin + length])
        begin += length
    if begin != len(frame):
        raise ValueError("too short or too long")
    return frames
