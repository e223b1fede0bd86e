"""The first cell of each kernel on a session that was started beforehand."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator

import pytest

from tests.integration.kernels import Kernel, livy_for_kernels, sessions
from tests.integration.livy import Livy, until

# Half a second on a quiet machine; without a warm session it is many times more on a busy one.
FIRST_CELL = 3.0
CONF = {"driverMemory": "1024m"}
CELLS = {
    "pyspark": ("spark.conf.get('spark.driver.memory')", "1024m"),
    "spark": ('spark.conf.get("spark.driver.memory")', "1024m"),
    "sparkr": ('sparkR.conf("spark.driver.memory")[[1]]', "1024m"),
}


@pytest.fixture(scope="module")
def livy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Livy]:
    with livy_for_kernels(tmp_path_factory.mktemp("livy")) as running:
        yield running


@pytest.mark.parametrize("name", CELLS)
def test_first_cell_on_a_warm_session(livy, name):
    if name == "sparkr" and shutil.which("Rscript") is None:
        pytest.skip("R is not installed")
    waiting = livy.ready(**CONF, conf={"hopyard.session.warm": "true"})
    kinds = ("spark", "sparkr")
    until(
        lambda: all(f" {kind} is ready beforehand" in livy.log(waiting) for kind in kinds),
        120,
        "its interpreters run",
    )
    kernel = Kernel(livy, "Warm", name, HOPYARD_SESSION_CONF=json.dumps(CONF))
    try:
        code, value = CELLS[name]
        ran = kernel.ok(code)
        assert value in ran.text
        assert [one["id"] for one in sessions(livy)] == [waiting]
        print(f"first cell of {name} on a warm session: {ran.seconds:.2f} s")
        assert ran.seconds < FIRST_CELL
    finally:
        kernel.stop()
    until(lambda: not sessions(livy), 60, "the session ended with its kernel")
