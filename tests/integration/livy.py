"""A real Livy server of one's own for tests: standing alone, with real drivers in the sandbox."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

START = 30.0
READY = 120.0
Json = dict[str, Any]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def until(check: Callable[[], Any], seconds: float, what: str) -> Any:
    """Wait, bounded, until something is true; return it."""
    end = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.02)
    return found


def config_of_next_driver(data: Path, seconds: float = 60) -> Json:
    """Wait for the configuration of a driver that is about to be started; the driver deletes it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for file in data.glob("run/drivers/*/driver-*.json"):
            with contextlib.suppress(OSError, ValueError):  # not whole yet, or deleted meanwhile
                found: Json = json.loads(file.read_text())
                return found
        time.sleep(0.001)
    raise AssertionError("no driver's configuration was seen")


def words_of(process: psutil.Process) -> list[str]:
    """A process's command; nothing when it is gone (or a zombie)."""
    try:
        return list(process.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return []


class Livy:
    """One server on one data directory; can be killed and started again."""

    def __init__(
        self,
        data: Path,
        *,
        token: str = "",
        others: Mapping[str, str] | None = None,
        wrap: Callable[[list[str], Path], list[str]] | None = None,
        **settings: str,
    ) -> None:
        self.data = data
        self._wrap = wrap
        """Returns the command that runs another one as another user, who owns the data."""
        self.token = token
        self.others = others or {}
        """Tokens of other users than `ada`, who has `token`."""
        self.port = free_port()
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.http = httpx.Client(base_url=self.url, trust_env=False, timeout=70, headers=headers)
        self.settings = settings
        self.process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def move(self) -> None:
        """Be at another port from the next start on."""
        self.port = free_port()
        self.http.base_url = httpx.URL(self.url)

    def start(self) -> None:
        self.launch()
        until(self._answers, START, "the Livy server answers")

    def launch(self) -> None:
        """Start the process, without waiting until it serves."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("HOPYARD_")}
        environment |= {"HOPYARD_DATA_DIR": str(self.data), **self.settings}
        command = [sys.executable, "-m", "hopyard.cli", "livy", "--port", str(self.port)]
        if self.token:
            file = self.data / "tokens"
            tokens = {"ada": self.token, **self.others}
            file.write_text("".join(f"{user} {token}\n" for user, token in tokens.items()))
            command += ["--token-file", str(file)]
        else:
            command += ["--no-token"]
        self.data.chmod(0o700)
        if self._wrap:
            command = self._wrap(command, self.data)
        with (self.data / "livy.log").open("ab") as log:
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)

    def _answers(self) -> bool:
        assert self.process.poll() is None, (self.data / "livy.log").read_text()
        try:
            return self.http.get("/ping").status_code == 200
        except httpx.HTTPError:
            return False

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(timeout=10)

    def stop(self) -> None:
        if self.process.poll() is None:
            # What wraps the server passes no signal on.
            wrapped = psutil.Process(self.process.pid).children() if self._wrap else []
            for process in wrapped or [self.process]:
                process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=40)
        self.http.close()

    def create(self, **body: Any) -> int:
        response = self.http.post("/sessions", json={"kind": "pyspark", **body})
        assert response.status_code == 201, response.text
        return int(response.json()["id"])

    def session(self, session: int) -> Json:
        found: Json = self.http.get(f"/sessions/{session}?wait=0").json()
        return found

    def ready(self, **body: Any) -> int:
        return self.ready_again(self.create(**body))

    def ready_again(self, session: int) -> int:
        """Wait until a session is idle."""
        starting = ("starting", "not_started", "recovering")
        end = time.monotonic() + READY
        while (found := self.http.get(f"/sessions/{session}").json())["state"] in starting:
            assert time.monotonic() < end, found
        assert found["state"] == "idle", (found, self.log(session))
        return session

    def log(self, session: int) -> str:
        return "\n".join(self.http.get(f"/sessions/{session}/log").json()["log"])

    def submit(self, session: int, code: str, **body: Any) -> int:
        response = self.http.post(f"/sessions/{session}/statements", json={"code": code, **body})
        assert response.status_code == 201, response.text
        return int(response.json()["id"])

    def statement(self, session: int, statement: int, wait: float = 0) -> Json:
        found: Json = self.http.get(
            f"/sessions/{session}/statements/{statement}", params={"wait": wait}
        ).json()
        return found

    def done(self, session: int, statement: int, seconds: float = 60) -> Json:
        end = time.monotonic() + seconds
        while (found := self.statement(session, statement, 1))["state"] in (
            "waiting",
            "running",
            "cancelling",
        ):
            assert time.monotonic() < end, found
        return found

    def run(self, session: int, code: str, **body: Any) -> Json:
        output: Json = self.done(session, self.submit(session, code, **body))["output"]
        return output

    def drivers(self, session: int) -> list[psutil.Process]:
        """The processes of a session's driver: its own folder is in the sandbox's command."""
        folder = str(self.data / "run" / "drivers" / str(session))
        found = []
        for process in psutil.process_iter(["cmdline", "status"]):
            if folder in " ".join(process.info["cmdline"] or []).split(" "):
                found.append(process)
                with contextlib.suppress(psutil.NoSuchProcess):  # it ends just now
                    found += process.children(recursive=True)
        return [one for one in {one.pid: one for one in found}.values() if words_of(one)]


@contextmanager
def temp_livy(data: Path, *, token: str = "", **settings: Any) -> Iterator[Livy]:
    """A server that runs, and is gone with all its drivers afterwards.

    With a token, only its user `ada` may use it.
    """
    data.mkdir(parents=True, exist_ok=True)
    server = Livy(data, token=token, **settings)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def write_resources(resources: Path) -> None:
    """Write what a session can be given: a module, a file, two archives, a jar."""
    resources.mkdir(parents=True, exist_ok=True)
    (resources / "module_one.py").write_text("value = 'of a py-file'\n")
    (resources / "words.txt").write_text("of a file\n")
    for name, entry in (("package.zip", "package_two/__init__.py"), ("tree.zip", "leaf.txt")):
        with zipfile.ZipFile(resources / name, "w") as archive:
            archive.writestr(entry, "value = 'of an archive'\n")
    with zipfile.ZipFile(resources / "library.jar", "w") as archive:
        archive.writestr("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\n")
        archive.writestr("hello.txt", "of a jar\n")
