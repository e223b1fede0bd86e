"""Kernels of ours over Jupyter's protocol, with our own Livy server and real Spark drivers."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from jupyter_client.manager import KernelManager

from tests.integration.livy import Livy

DEMO = Path(__file__).parents[2] / "src/hopyard/tours"
SHARE = Path(__file__).parents[2] / "src/hopyard/notebook/share/jupyter"
START = 240


@contextmanager
def livy_for_kernels(
    folder: Path, *, token: str = "", others: Mapping[str, str] | None = None
) -> Iterator[Livy]:
    """A standalone server without a sandbox, whose drivers work in the demo's folder."""
    shutil.copytree(DEMO, folder / "projects" / "standalone" / "Jupyter")
    livy = Livy(folder, token=token, others=others, HOPYARD_ISOLATION="none")
    livy.start()
    try:
        yield livy
    finally:
        livy.stop()


def sessions(livy: Livy) -> list[dict[str, Any]]:
    return list(livy.http.get("/sessions").json()["sessions"])


@dataclass
class Ran:
    """What a cell gave."""

    reply: dict[str, Any]
    seconds: float
    text: str = ""
    html: str = ""
    mimes: list[str] = field(default_factory=list)
    messages: list[tuple[str, dict[str, Any], float]] = field(default_factory=list)
    """Kind, content, seconds since the cell began."""

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [content for one, content, _ in self.messages if one == kind]

    def stream(self, name: str) -> str:
        return "".join(c["text"] for c in self.of("stream") if c["name"] == name)


class Kernel:
    """One kernel of a notebook."""

    def __init__(
        self, livy: Livy, notebook: str, name: str = "pyspark", **environment: str
    ) -> None:
        os.environ["JUPYTER_PATH"] = str(SHARE)
        self.manager = KernelManager(kernel_name=name)
        self.manager.start_kernel(
            env=os.environ
            | {
                "HOPYARD_LIVY_URL": livy.url,
                "HOPYARD_PROJECT": "demo",
                "HOPYARD_SESSION_CONF": '{"driverMemory": "1024m"}',
                "JPY_SESSION_NAME": f"/project/Jupyter/{notebook}.ipynb",
            }
            | environment,
            cwd=str(DEMO),
        )
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(60)

    def run(self, code: str, *, interrupt_after: float | None = None, stdin: bool = True) -> Ran:
        started = time.monotonic()
        request = self.client.execute(code, allow_stdin=stdin)
        if interrupt_after is not None:
            time.sleep(interrupt_after)
            started = time.monotonic()
            self.manager.interrupt_kernel()
        ran = Ran({}, 0.0)
        while True:
            message = self.client.get_iopub_msg(timeout=START)
            if message["parent_header"].get("msg_id") != request:
                continue
            kind, content = message["msg_type"], message["content"]
            ran.messages.append((kind, content, time.monotonic() - started))
            if kind == "status" and content["execution_state"] == "idle":
                break
            if kind == "stream":
                ran.text += content["text"]
            elif "data" in content:
                ran.mimes += content["data"]
                ran.html += content["data"].get("text/html", "")
                ran.text += content["data"].get("text/plain", "")
        while True:
            reply = self.client.get_shell_msg(timeout=30)
            if reply["parent_header"].get("msg_id") == request:
                break
        ran.reply, ran.seconds = reply["content"], time.monotonic() - started
        return ran

    def ok(self, code: str) -> Ran:
        ran = self.run(code)
        assert ran.reply["status"] == "ok", ran.reply
        return ran

    def wait_for(self, kind: str, request: str, *, shell: bool = False) -> dict[str, Any]:
        """Wait for a message that belongs to a request; return its content."""
        get = self.client.get_shell_msg if shell else self.client.get_iopub_msg
        while True:
            message = get(timeout=60)
            if (message["msg_type"], message["parent_header"].get("msg_id")) == (kind, request):
                return dict(message["content"])

    def complete(self, code: str) -> dict[str, Any]:
        return self.wait_for("complete_reply", self.client.complete(code), shell=True)

    def inspect(self, code: str) -> dict[str, Any]:
        return self.wait_for("inspect_reply", self.client.inspect(code), shell=True)

    def stop(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel()


def whole_output(livy: Livy, ran: Ran) -> None:
    """Check a cell that prints 10,000 lines of 99 letters: it is cut, and its link has all."""
    shown = ran.stream("stdout")
    assert len(shown) == 500_000
    (marker,) = [one["data"]["text/html"] for one in ran.of("display_data") if "cut" in str(one)]
    (address,) = re.findall(r'href="([^"]+)"', marker)
    whole = livy.http.get(address)
    assert whole.headers["content-type"] == "text/plain; charset=utf-8"
    lines = whole.text.splitlines()
    assert len(lines) == 10_000
    assert [line[:5] for line in lines] == [f"{number:05d}" for number in range(10_000)]
    # Only with a sign-in, and only for the one whose session it is.
    stranger = httpx.get(address, trust_env=False, headers={"Host": "stranger.example"})
    assert stranger.status_code == 401
