"""What the machine and the settings allow, and what is said about it."""

from __future__ import annotations

from pathlib import Path

import pytest

from hopyard.cli import machine
from hopyard.settings import Settings


@pytest.mark.parametrize(
    ("master", "conf", "warned"),
    [
        ("local[*]", {}, False),
        ("spark://127.0.0.1:7077", {}, True),
        ("spark://127.0.0.1:7077", {"spark.authenticate": "true"}, False),
        ("local[*]", {"spark.master": "spark://a:7077"}, True),
    ],
)
def test_cluster_without_a_secret_is_warned_of(
    tmp_path: Path, master: str, conf: dict[str, str], warned: bool
) -> None:
    settings = Settings(data_dir=tmp_path, spark_master=master, spark_conf=conf)
    assert bool(machine.warnings(settings)) == warned
