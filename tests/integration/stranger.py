"""What a stranger says to a port without any secret; runs alone, in a sandbox of another project.

`stranger.py PORT…` prints, as JSON, what each port answered in each protocol that is spoken here,
in Latin-1.
"""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import sys
from concurrent.futures import ThreadPoolExecutor

PATIENCE = 3.0
SPARK_RPC = struct.pack("!QBqI", 21 + 4, 3, 7, 4) + b"ping"
"""A request of Spark's own protocol: the frame's length, its type, a number, a body."""
ZMQ_GREETING = b"\xff" + bytes(8) + b"\x7f" + b"\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)
READY = b"\x04\x26\x05READY\x0bSocket-Type\x00\x00\x00\x04PUSH\x08Identity\x00\x00\x00\x00"
FORGED = b"\x00\x05wrong"
WORDS = {
    "http": b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    # py4j, to Java: a static method; and to Python: an object's method.
    "java": b"c\nz:java.lang.System\ngetProperties\ne\n",
    "python": b"c\np0\ntoString\ne\n",
    "spark": SPARK_RPC,
    "r": struct.pack("!i", 12) + b"\x00\x00\x00\x08ls()\x00\x00\x00\x00",
    "zmq": ZMQ_GREETING + READY + FORGED,
}


def say(port: int, words: bytes) -> str:
    """Say it, and return what comes back until the other side closes or is silent."""
    heard = b""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 2) as link:
        link.settimeout(PATIENCE)
        link.sendall(words)
        while len(heard) < 100_000 and (more := link.recv(65536)):
            heard += more
    return heard.decode("latin-1")


if __name__ == "__main__":
    with ThreadPoolExecutor(32) as threads:
        asked = {
            port: {name: threads.submit(say, int(port), words) for name, words in WORDS.items()}
            for port in sys.argv[1:]
        }
        answers = {
            port: {name: said.result() for name, said in one.items()} for port, one in asked.items()
        }
    print(json.dumps(answers))
