"""Livy's real clients, none of them ours, against our server with sign-in."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager, start_new_kernel

from tests.integration.livy import Json, Livy

ROOT = Path(__file__).parents[2]
CLIENTS = ROOT / ".venv-clients" / "bin" / "python"
APPLICATION = """
import sys
from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
print("rows:", spark.range(int(sys.argv[1])).count())
print("partitions:", spark.conf.get("spark.sql.shuffle.partitions"))
"""


def run_client(script: str, *words: str, **environment: str) -> Json:
    """Run a script of tests/contract/clients in its own environment; return what it printed."""
    if not CLIENTS.exists():
        pytest.skip("no Livy clients here: scripts/setup test")
    file = Path(__file__).with_name("clients") / script
    ran = subprocess.run(
        [str(CLIENTS), str(file), *words],
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **environment},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-3000:] + ran.stdout[-3000:]
    found: Json = json.loads(ran.stdout.splitlines()[-1])
    return found


def signed_in(server: Livy) -> str:
    return server.url.replace("http://", f"http://ada:{server.token}@")


def test_pylivy_runs_and_moves_frames(server: Livy) -> None:
    found = run_client("pylivy_client.py", server.url, "ada", server.token)
    assert found["count"] == "10"
    assert found["fault"] == ["ZeroDivisionError", "division by zero"]
    assert found["down"] == {"id": [0, 1, 2], "name": ["n0", "n1", "n2"]}
    assert found["rows"] == "[(1, 'a'), (2, 'b')]"
    assert found["listed"]
    assert found["statements"] >= 5
    assert found["sql"] == {"a": [1, 2], "b": ["x", "y"]}
    assert found["gone"]


def test_airflow_runs_batches(server: Livy, tmp_path: Path) -> None:
    folder = server.data / "projects" / "standalone" / "Resources"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rows.py").write_text(APPLICATION)
    found = run_client(
        "airflow_client.py",
        "Resources/rows.py",
        AIRFLOW_HOME=str(tmp_path),
        AIRFLOW_CONN_LIVY_DEFAULT=signed_in(server),
    )
    assert found["state"] == "success"
    assert (found["batch"]["name"], found["batch"]["appId"]) == ("from-airflow", found["app"])
    log = "\n".join(found["log"])
    assert "rows: 7" in log
    assert "partitions: 3" in log
    assert found["failed"]
    assert set(found["states"]) <= {"starting", "running", "not_started"}
    assert found["deleted"] == {"msg": "deleted"}


def test_apaches_python_client_runs_jobs(server: Livy, tmp_path: Path) -> None:
    folder = os.environ.get("LIVY_PYTHON_CLIENT", "")
    if not folder:
        pytest.skip("LIVY_PYTHON_CLIENT names no checkout: it is on no package index")
    (tmp_path / "uploaded.py").write_text("VALUE = 42")
    found = run_client(
        "apache_client.py",
        signed_in(server),
        str(tmp_path / "uploaded.py"),
        LIVY_PYTHON_CLIENT=folder,
    )
    assert (found["counted"], found["said"], found["used"]) == (10, 3, 42)
    assert json.loads(found["answer"]) == {"msg": "added"}
    assert "ZeroDivisionError" in found["fault"]


def test_curl_of_the_documentation_works(server: Livy) -> None:
    page = (ROOT / "docs" / "how-to" / "livy-client.md").read_text()
    script = re.search(r"### curl\n\n```sh\n(.*?)```", page, re.DOTALL)
    assert script
    lines = script[1].replace("http://127.0.0.1:8998", server.url)
    ran = subprocess.run(
        ["sh", "-eu"],
        input=lines.replace("curl -s", "curl -sS --fail-with-body -w '\\n'"),
        env={"PATH": os.environ["PATH"], "HOPYARD_TOKEN": server.token},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    created, sent, done, deleted = map(json.loads, ran.stdout.split("\n")[:4])
    assert (created["name"], created["state"]) == ("first", "starting")
    assert sent["state"] == "waiting"
    assert done["output"]["data"] == {"text/plain": "10"}
    assert deleted == {"msg": "deleted"}


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[BlockingKernelClient]:
    """A plain Python kernel, with sparkmagic as it comes."""
    environment = os.environ | {
        "HOME": str(tmp_path),
        "JUPYTER_PATH": f"{sys.prefix}/share/jupyter",
    }
    manager, client = start_new_kernel(kernel_name="python3", env=environment)
    try:
        yield client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


@pytest.fixture
def magic(server: Livy, tmp_path: Path) -> Iterator[BlockingKernelClient]:
    """Sparkmagic's own PySpark kernel."""
    home = tmp_path / ".sparkmagic"
    home.mkdir()
    given = {"username": "ada", "password": server.token, "url": server.url, "auth": "Basic_Access"}
    config = {"kernel_python_credentials": given, "session_configs": {"driverMemory": "1g"}}
    (home / "config.json").write_text(json.dumps(config))
    spec = tmp_path / "kernels" / "magic"
    spec.mkdir(parents=True)
    words = [sys.executable, "-m", "sparkmagic.kernels.pysparkkernel.pysparkkernel"]
    words += ["-f", "{connection_file}"]
    kernel = {"argv": words, "display_name": "PySpark", "language": "python"}
    (spec / "kernel.json").write_text(json.dumps(kernel))
    specs = KernelSpecManager(kernel_dirs=[str(tmp_path / "kernels")])
    manager = KernelManager(kernel_name="magic", kernel_spec_manager=specs)
    manager.start_kernel(env=os.environ | {"HOME": str(tmp_path)})
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=120)
        yield client
    finally:
        client.stop_channels()
        manager.shutdown_kernel()  # in order: it ends its session


def in_cell(kernel: BlockingKernelClient, code: str) -> str:
    """Run a cell; return what it shows."""
    shown: list[str] = []

    def take(message: dict[str, Any]) -> None:
        content = message["content"]
        shown.append(content.get("text") or content.get("data", {}).get("text/plain", ""))

    reply = kernel.execute_interactive(code, timeout=180, output_hook=take)
    text = "".join(shown)
    assert reply["content"]["status"] == "ok", (reply["content"], text)
    return text


def test_sparkmagics_remote_magics_work(server: Livy, kernel: BlockingKernelClient) -> None:
    in_cell(kernel, "%load_ext sparkmagic.magics")
    sign_in = f"-u {server.url} -t Basic_Access -a ada -p {server.token}"
    in_cell(kernel, f"%spark add -s work -l python {sign_in}")
    assert "10" in in_cell(kernel, "%%spark -s work\nspark.range(10).count()")
    assert "ZeroDivisionError" in in_cell(kernel, "%%spark -s work\n1/0")
    in_cell(kernel, "%%spark -s work -c sql -o frame -q\nSELECT 1 AS a, 'x' AS b")
    assert in_cell(kernel, "print(frame.to_dict('list'))") == "{'a': [1], 'b': ['x']}\n"
    assert "work" in in_cell(kernel, "%spark info")
    in_cell(kernel, "%spark delete -s work")
    assert not [one for one in server.http.get("/sessions").json()["sessions"] if not one["name"]]


def test_sparkmagics_own_kernel_works(server: Livy, magic: BlockingKernelClient) -> None:
    assert "10" in in_cell(magic, "spark.range(10).count()")
    in_cell(magic, "spark.range(3).createOrReplaceTempView('rows')")
    in_cell(magic, "%%sql -o frame -q\nSELECT id FROM rows ORDER BY id")
    assert "[0, 1, 2]" in in_cell(magic, "%%local\nprint(list(frame['id']))")
    in_cell(magic, "%%local\nwords = 'from here'")
    in_cell(magic, "%%send_to_spark -i words -t str -n words")
    assert "from here" in in_cell(magic, "words")
    assert "HTML" in in_cell(magic, "%%info")  # a table of the sessions
    assert "INFO" in in_cell(magic, "%%logs")
