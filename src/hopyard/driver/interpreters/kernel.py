"""The Python kernel's process: an ipykernel that ends with its agent and imports Spark early."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from typing import Any

from hopyard.driver.process import die_with_parent
from hopyard.protocol.plain import plain


def pack(part: Any) -> bytes:
    """Return a part of a message as JSON; what Jupyter itself would refuse to send is made plain.

    Raises:
        TypeError: there is something in it that JSON does not know; code that shows it hears so.
        ValueError: it contains itself.
    """
    from jupyter_client.jsonutil import json_default

    try:
        text = json.dumps(part, default=json_default, ensure_ascii=False, allow_nan=False)
        return text.encode()
    except (TypeError, ValueError, RecursionError):
        with contextlib.suppress(TypeError, ValueError):
            return json.dumps(plain(part)).encode()
        if isinstance(part, dict) and "payload" in part:  # a reply: who waits for it must get it
            return json.dumps(part, default=repr, skipkeys=True).encode()
        raise


def main() -> None:
    """Run a kernel of the agent in the first argument on the connection file in the second."""
    die_with_parent(signal.SIGKILL)
    if os.getppid() != int(sys.argv[1]):  # it died before we asked
        return
    from hopyard.driver.interpreters.direct import DirectKernelApp

    app = DirectKernelApp.instance()
    app.log_connection_info = lambda: None  # nobody else is to connect
    options = ["--HistoryManager.enabled=False", "--colors=NoColor"]
    # Jedi takes seconds at first and then guesses; looking at what is there takes milliseconds.
    options.append("--Completer.use_jedi=False")
    options.append("--IPKernelApp.outstream_class=hopyard.kernels.streams.Stream")
    app.initialize(["-f", sys.argv[2], *options])
    from hopyard.driver.interpreters import attach

    app.session.pack = pack
    app.log.setLevel(app.log_level)  # it makes four records for each cell and throws them away
    attach.prepare(app.shell)
    app.kernel._execute_sleep = 0.0  # half a millisecond after each cell
    import pyspark.sql  # noqa: F401 - while the JVM still starts

    app.take_requests()
    app.start()


if __name__ == "__main__":
    main()
