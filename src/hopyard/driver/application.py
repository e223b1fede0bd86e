"""Find out which Spark application runs in a JVM that is not ours to speak to.

Spark says it in its REST API, beside the UI. Only a port that this JVM itself listens on is asked,
so that the signed request reaches nobody else.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import urllib.error
import urllib.request
from pathlib import Path

from hopyard.protocol import spark_ui

RETRIES = 17
"""Spark takes one of so many ports, beginning with the wanted one (`spark.port.maxRetries`)."""
TIMEOUT = 5.0
NO_UI_PERIOD = 60
"""Seconds between Spark's metrics where nothing else tells the application's id."""
NEVER = 10 * 365 * 86400
_LISTEN = "0A"


def free_port() -> int:
    """Return a port that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def find(pid: int, port: int, key: bytes) -> tuple[str, str] | None:
    """Return the id of the application and its UI's address, None while there is none.

    Args:
        pid: the JVM's process.
        port: the first of those that its UI may listen on.
        key: signs requests to the UI.
    """
    for one in sorted(listening(pid) & set(range(port, port + RETRIES))):
        url = f"http://127.0.0.1:{one}"
        if (found := _ask(url, key)) is not None:
            return found, url
    return None


def name_sink(folder: Path, conf: dict[str, str]) -> dict[str, str]:
    """Return properties by which Spark writes its metrics into a folder, at the latest at its end.

    The files have the application's id in their names: so also one that ends before it is found,
    or has no UI, is known.

    Args:
        folder: an empty one.
        conf: the application's properties.
    """
    seldom = NO_UI_PERIOD if conf.get("spark.ui.enabled") == "false" else NEVER
    sink = {
        "class": "org.apache.spark.metrics.sink.CsvSink",
        "directory": str(folder),
        "period": str(seldom),
        "unit": "seconds",
    }
    return {f"spark.metrics.conf.driver.sink.hopyard.{key}": text for key, text in sink.items()}


def named(folder: Path) -> str | None:
    """Return the id of the application that wrote its metrics into a folder, None without one."""
    for file in folder.iterdir():
        found, driver, _ = file.name.partition(".driver.")
        if driver:
            return found
    return None


def _ask(url: str, key: bytes) -> str | None:
    headers = {"Authorization": f"Bearer {spark_ui.signed(key)}"}
    request = urllib.request.Request(f"{url}/api/v1/applications", headers=headers)  # noqa: S310
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=TIMEOUT) as answer:
            return str(json.load(answer)[0]["id"])
    except (OSError, ValueError, LookupError, TypeError):  # it is coming up, or going down
        return None


def listening(pid: int) -> set[int]:
    """Return the TCP ports that a process listens on (Linux, from `/proc`)."""
    sockets, ports = set(), set()
    with contextlib.suppress(OSError):  # it ends while we look
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                sockets.add(os.readlink(entry))  # noqa: PTH115 - no path: `socket:[NUMBER]`
        for table in ("tcp", "tcp6"):
            for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == _LISTEN and f"socket:[{fields[9]}]" in sockets:
                    ports.add(int(fields[1].rpartition(":")[2], 16))
    return ports
