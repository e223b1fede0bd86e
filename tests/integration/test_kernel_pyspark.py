"""The PySpark kernel over Jupyter's protocol, with our own Livy server and a real Spark driver."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import nbformat
import pytest
from jupyter_client.manager import KernelManager
from nbclient import NotebookClient

DEMO = Path(__file__).parents[2] / "src/hopyard/demo"
SHARE = Path(__file__).parents[2] / "src/hopyard/notebook/share/jupyter"
START = 240


class Livy:
    """`hopyard livy`, standalone."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("HOPYARD_", "JUPYTER"))}
        # Where drivers of a standalone server work.
        shutil.copytree(DEMO, folder / "data" / "projects" / "standalone" / "Jupyter")
        self.environment = kept | {
            "HOPYARD_DATA_DIR": str(folder / "data"),
            "HOPYARD_ISOLATION": "none",
        }
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "hopyard.cli", "livy", "--port", str(self.port)],
            env=self.environment,
        )
        until = time.monotonic() + 60
        while time.monotonic() < until:
            assert self.process.poll() is None
            try:
                self.sessions()
            except httpx.TransportError:
                time.sleep(0.1)
            else:
                return
        raise AssertionError("the Livy server does not answer")

    def sessions(self) -> list[dict[str, Any]]:
        answer = httpx.get(self.url + "/sessions", trust_env=False, timeout=10)
        return list(answer.json()["sessions"])


@dataclass
class Ran:
    reply: dict[str, Any]
    seconds: float
    text: str = ""
    html: str = ""
    mimes: list[str] = field(default_factory=list)


class Kernel:
    def __init__(self, livy: Livy, notebook: str) -> None:
        os.environ["JUPYTER_PATH"] = str(SHARE)
        self.manager = KernelManager(kernel_name="pyspark")
        self.manager.start_kernel(
            env=os.environ
            | {
                "HOPYARD_LIVY_URL": livy.url,
                "HOPYARD_PROJECT": "demo",
                "HOPYARD_SESSION_CONF": '{"driverMemory": "1024m"}',
                "JPY_SESSION_NAME": f"/project/Jupyter/{notebook}.ipynb",
            },
            cwd=str(DEMO),
        )
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(60)

    def run(self, code: str, *, interrupt_after: float | None = None) -> Ran:
        started = time.monotonic()
        request = self.client.execute(code)
        if interrupt_after is not None:
            time.sleep(interrupt_after)
            started = time.monotonic()
            self.manager.interrupt_kernel()
        ran = Ran({}, 0.0)
        while True:
            message = self.client.get_iopub_msg(timeout=START)
            if message["parent_header"].get("msg_id") != request:
                continue
            content = message["content"]
            if message["msg_type"] == "status" and content["execution_state"] == "idle":
                break
            if message["msg_type"] == "stream":
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

    def stop(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel()


@pytest.fixture(scope="module")
def livy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Livy]:
    running = Livy(tmp_path_factory.mktemp("livy"))
    yield running
    running.process.send_signal(signal.SIGTERM)
    running.process.wait(60)


@pytest.fixture(scope="module")
def first(livy: Livy) -> Iterator[tuple[Kernel, Ran]]:
    kernel = Kernel(livy, "My book")
    yield kernel, kernel.run("1 + 1")
    kernel.stop()


@pytest.fixture
def kernel(first: tuple[Kernel, Ran]) -> Kernel:
    return first[0]


def test_first_cell_starts_the_session_and_shows_its_table(first, livy):
    ran = first[1]
    assert ran.reply["status"] == "ok"
    assert ran.text.startswith("Starting Spark application\n")
    assert "SparkSession available as 'spark'.\n2\n" in ran.text
    for word in ("YARN Application ID", "Spark UI", "Driver log", "Current session?", "✔"):
        assert word in ran.html
    session = livy.sessions()[-1]
    assert session["appId"] in ran.html
    assert re.fullmatch(r"demo: My book \([0-9a-f]{8}\)", session["name"])
    assert "demo: My book" in first[0].ok("spark.sparkContext.appName").text


def test_spark_jobs_run(kernel):
    assert "499500" in kernel.ok("spark.range(1000).groupBy().sum('id').first()[0]").text


def test_exception_shows_pythons_traceback_and_fails_the_cell(kernel):
    ran = kernel.run("def half(x):\n    print('trying')\n    return x / 0\nhalf(1)")
    assert ran.reply["status"] == "error"
    assert ran.reply["ename"] == "ZeroDivisionError"
    assert "in half" in "\n".join(ran.reply["traceback"])
    assert "hopyard" not in "\n".join(ran.reply["traceback"])
    assert "trying" in ran.text


def test_sql_shows_a_table_and_gives_pandas(kernel):
    query = "%%sql -o found\nSELECT id, NULL AS none, 'it''s \"so\"' AS t, DATE'2024-01-02' AS d"
    ran = kernel.ok(query + " FROM range(3)")
    assert "<table" in ran.html and "it's &quot;so&quot;" in ran.html.replace('"', "&quot;")
    assert "(3, 4) datetime64" in kernel.ok("%%local\nprint(found.shape, found['d'].dtype)").text
    failed = kernel.run("%%sql\nSELECT nowhere")
    assert failed.reply["ename"] == "AnalysisException"
    assert len(failed.reply["traceback"]) == 1


def test_spark_output_becomes_pandas(kernel):
    kernel.ok("%%spark -o numbers -n 2\nnumbers = spark.range(5)")
    assert kernel.ok("%%local\nprint(numbers['id'].tolist())").text == "[0, 1]\n"


def test_pictures_are_shown_from_both_sides(kernel):
    plot = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()"
    assert "image/png" in kernel.ok(plot).mimes
    assert "image/png" in kernel.ok("%%local\n" + plot).mimes


def test_magics_about_the_session(kernel):
    assert "driverMemory" in kernel.ok("%%info").html
    assert "%%sql" in kernel.ok("%%help").html
    assert kernel.ok("%%logs").text.strip()
    assert kernel.run("%%delete -f -s 4711").reply["status"] == "error"


@pytest.mark.parametrize(
    "code",
    [
        "import time\nfor _ in range(600): time.sleep(0.1)",
        "spark.sparkContext.parallelize([1, 2], 2).map(lambda x: __import__('time').sleep(60))"
        ".count()",
    ],
)
def test_interrupt_stops_the_code_and_not_the_session(kernel, code):
    ran = kernel.run(code, interrupt_after=3.0)
    assert ran.reply["status"] == "error"
    assert ran.reply["ename"] == "KeyboardInterrupt"
    assert ran.seconds < 5  # below 1 s on a quiet machine
    assert kernel.ok("40 + 2").text == "42\n"


def test_livy_that_is_away_for_some_seconds_is_waited_for(kernel, livy):
    kernel.ok("kept = 7")
    livy.process.kill()
    livy.process.wait(10)
    request = time.monotonic()
    livy.start()
    assert kernel.ok("kept").text == "7\n"
    assert time.monotonic() - request < 60


def test_configure_makes_a_new_session(kernel, livy):
    before = livy.sessions()[-1]["id"]
    conf = '{"conf": {"spark.sql.shuffle.partitions": "3"}}'
    ran = kernel.ok("%%configure -f\n" + conf)
    assert "Starting Spark application" in ran.text
    assert [s["id"] for s in livy.sessions()] != [before]
    assert "'3'" in kernel.ok("spark.conf.get('spark.sql.shuffle.partitions')").text


def test_dead_session_says_why_and_a_new_kernel_has_a_new_one(kernel, livy):
    session = livy.sessions()[-1]["id"]
    httpx.delete(f"{livy.url}/sessions/{session}", trust_env=False, timeout=30)
    ran = kernel.run("1 + 1")
    assert ran.reply["status"] == "error"
    assert "Restart the kernel" in ran.reply["evalue"]
    assert len(ran.reply["traceback"]) == 1


def test_demo_notebook_runs_and_its_session_ends_with_it(livy, monkeypatch):
    notebook = nbformat.read(DEMO / "First steps with Spark.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)
    for name, value in {"HOPYARD_LIVY_URL": livy.url, "JUPYTER_PATH": str(SHARE)}.items():
        monkeypatch.setenv(name, value)
    client = NotebookClient(notebook, timeout=START, resources={"metadata": {"path": str(DEMO)}})
    others = [session["id"] for session in livy.sessions()]
    client.execute()
    printed = "".join(
        output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", ())
    )
    assert "New York" in printed and "wet days" in printed
    pictures = [
        output
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if "image/png" in output.get("data", {})
    ]
    assert pictures
    until = time.monotonic() + 30
    while (left := [session["id"] for session in livy.sessions()]) != others:
        assert time.monotonic() < until, left
        time.sleep(0.2)
