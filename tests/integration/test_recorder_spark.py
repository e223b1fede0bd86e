"""A Spark cell whose Jupyter server is killed is completed from the Livy server's record."""

from __future__ import annotations

import json
from pathlib import Path

from tests.integration.kernels import START, livy_for_kernels
from tests.integration.notebook import Book, lines, temp_server, until

CELL = "import time\nfor n in range(80): print('line', n, flush=True); time.sleep(0.2)\n'the end'"


def test_spark_cell_outlives_its_jupyter_server(tmp_path: Path) -> None:
    (tmp_path / "livy").mkdir()
    (tmp_path / "home").mkdir()
    with livy_for_kernels(tmp_path / "livy") as livy:
        conf = {"driverMemory": "1024m", "conf": {"hopyard.session.keep": "true"}}
        more = {"HOPYARD_LIVY_URL": livy.url, "HOPYARD_SESSION_CONF": json.dumps(conf)}
        with temp_server(tmp_path / "home", **more) as first:
            book = Book(first, "spark", kernel="pyspark")
            page = book.page("one")
            page.execute(0, CELL)
            page.until("stream", text="line 3\n")
            spool = tmp_path / "home/.hopyard/outputs"
            until("on disk", lambda: any("line 3" in f.read_text() for f in spool.rglob("*.jsonl")))
            first.kill()
        with temp_server(tmp_path / "home", **more) as second:
            book.server = second
            until("written", lambda: "line 79" in book.on_disk()[0], START)
            assert lines(80) in book.on_disk()[0]
            assert book.on_disk()[0].startswith("Starting Spark application")
            outputs = json.loads(book.file.read_text())["cells"][0]["outputs"]
            assert outputs[-1]["data"]["text/plain"] in ("'the end'", ["'the end'"])
