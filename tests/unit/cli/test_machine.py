"""What the machine and the settings allow, and what is said about it."""

from __future__ import annotations

from pathlib import Path

import pytest

from hopyard.cli import machine
from hopyard.launchers import cgroups, owner
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
    assert any("secret" in line for line in machine.warnings(settings)) == warned


@pytest.mark.parametrize("root", [True, False])
@pytest.mark.parametrize("groups", [True, False])
@pytest.mark.parametrize("isolation", ["sandbox", "none"])
def test_processes_without_a_limit_are_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: bool, groups: bool, isolation: str
) -> None:
    monkeypatch.setattr(owner, "drops", lambda: root)
    place = cgroups.Place((tmp_path,), newer=True)
    monkeypatch.setattr(cgroups, "place", lambda: place if groups else None)
    said = "\n".join(machine.warnings(Settings(data_dir=tmp_path, isolation=isolation)))
    assert ("members share one limit" in said) == (root and not groups and isolation == "sandbox")
