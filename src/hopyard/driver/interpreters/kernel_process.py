"""A Jupyter kernel's process, which may be started before anybody speaks with it."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

SHELL, IOPUB, STDIN = 1, 2, 3
"""Numbers of the sockets that a kernel binds."""
REQUESTS, PUBLISHED = 6, 7
"""Numbers of those that the agent binds for a kernel that speaks with it directly."""


class KernelProcess:
    """A kernel's process, and the files through which one connects to it.

    Args:
        folder: where these files are, private to this user.
        command: the words that start it; the connection file is added as the last.
        environment: all its variables.
        work_dir: its current folder.
        piped: keep what it writes, to be read by who uses it; else it goes to our log.
    """

    def __init__(
        self,
        folder: Path,
        command: Sequence[str],
        environment: dict[str, str],
        work_dir: str,
        *,
        piped: bool = False,
    ) -> None:
        self.key = secrets.token_hex(32)
        self.base = folder / f"kernel-{secrets.token_hex(4)}"
        """The common beginning of the names of its sockets."""
        file = self.base.with_suffix(".json")
        ports = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")
        content = {
            "transport": "ipc",
            "ip": str(self.base),
            "key": self.key,
            "signature_scheme": "hmac-sha256",
        } | {port: number for number, port in enumerate(ports, 1)}
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            json.dump(content, stream)
        self.file = file
        self.process = subprocess.Popen(
            [*command, str(file)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if piped else sys.stderr,
            stderr=subprocess.PIPE if piped else sys.stderr,
            cwd=work_dir,
            env=environment,
            start_new_session=True,
        )

    def address(self, port: int) -> str:
        """Return the address of one of its sockets."""
        return f"ipc://{self.base}-{port}"

    def remove_files(self) -> None:
        """Delete what it left in the folder."""
        for path in (self.file, *self.base.parent.glob(f"{self.base.name}-*")):
            path.unlink(missing_ok=True)
