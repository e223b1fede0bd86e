"""A real Spark standalone cluster for tests: one Master and one Worker on loopback."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pyspark

from tests.integration.livy import free_port, until, words_of

HOME = Path(pyspark.__file__).parent
START = 90.0
SECRET = "of-this-cluster"
_ATTRIBUTE = re.compile(r"""([a-z]+)=["']([^"']*)""")
LIGHT = {
    "SPARK_DAEMON_MEMORY": "256m",
    "SPARK_DAEMON_JAVA_OPTS": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1",
}


@dataclass
class Cluster:
    """What a test needs of it."""

    master: str
    web: str
    worker: psutil.Process
    start_worker: Callable[[], psutil.Process]
    conf: dict[str, str]
    """What an application has to bring."""

    def state(self) -> Any:
        return httpx.get(f"{self.web}/json/", trust_env=False).json()

    def kill(self, app: str) -> None:
        """Press the button on the master's page."""
        with httpx.Client(base_url=self.web, trust_env=False) as browser:
            forms = re.findall(r"<form.*?</form>", browser.get("/").text, re.DOTALL)
            form = next(one for one in forms if app in one)
            fields = [dict(_ATTRIBUTE.findall(tag)) for tag in re.findall(r"<input[^>]*>", form)]
            sent = {one["name"]: one.get("value", "") for one in fields if "name" in one}
            assert browser.post("/app/kill/", data=sent).status_code < 400

    def lose_worker(self) -> None:
        """Have a machine fail, with all that ran on it."""
        for one in (self.worker, *self.executors()):
            one.kill()
        self.worker.wait(10)

    def new_worker(self) -> None:
        """Have another machine take its place."""
        self.worker = self.start_worker()

    def executors(self) -> list[psutil.Process]:
        return [
            one
            for one in self.worker.children(recursive=True)
            if any("CoarseGrainedExecutorBackend" in word for word in words_of(one))
        ]


@contextmanager
def temp_cluster(folder: Path) -> Iterator[Cluster]:
    """A cluster that wants to be authenticated to, gone with its executors afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    port, web = free_port(), free_port()
    master = f"spark://127.0.0.1:{port}"
    conf = {"spark.authenticate": "true", "spark.authenticate.secret": SECRET}
    properties = folder / "spark.properties"
    properties.touch(mode=0o600)
    properties.write_text("".join(f"{key} {value}\n" for key, value in conf.items()))
    common = ["--host", "127.0.0.1", "--properties-file", str(properties)]
    with ExitStack() as stack:
        stack.enter_context(
            _daemon(
                folder,
                "master.Master",
                *[*common, "--port", str(port), "--webui-port", str(web)],
            )
        )
        words = [*common, "--port", "0", "--webui-port", "0", "--cores", "2", "--memory", "2g"]
        words += ["--work-dir", str(folder / "work"), master]

        def start_worker() -> psutil.Process:
            return psutil.Process(stack.enter_context(_daemon(folder, "worker.Worker", *words)).pid)

        page = f"http://127.0.0.1:{web}"
        cluster = Cluster(master, page, start_worker(), start_worker, conf)
        until(lambda: _alive(cluster), START, f"the cluster is ready, see {folder}")
        yield cluster


def _alive(cluster: Cluster) -> bool:
    try:
        return any(one["state"] == "ALIVE" for one in cluster.state()["workers"])
    except (httpx.HTTPError, ValueError):  # its pages come before what they show
        return False


@contextmanager
def _daemon(folder: Path, name: str, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SPARK_")}
    environment |= {"SPARK_HOME": str(HOME), "SPARK_LOCAL_IP": "127.0.0.1", **LIGHT}
    # Not java itself: this sets what the Worker needs to start executors.
    command = [f"{HOME}/bin/spark-class", f"org.apache.spark.deploy.{name}"]
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, *words], env=environment, stdout=log, stderr=log, cwd=folder
        )
    try:
        yield process
    finally:
        with suppress(psutil.NoSuchProcess):
            for one in psutil.Process(process.pid).children(recursive=True):
                one.kill()
        process.kill()
        process.wait(timeout=10)
