"""Which masters can be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from hopyard.errors import SetupError
from hopyard.launchers import choose
from hopyard.settings import Settings


@pytest.mark.parametrize(
    "master", ["local", "local[*]", "local[2]", "local[2,4]", "spark://a:7077", "spark://a:1,b:2"]
)
def test_known_masters_are_taken(tmp_path: Path, master: str) -> None:
    assert choose.refusal(master) is None
    choose.launcher(Settings(data_dir=tmp_path, spark_master=master))


@pytest.mark.parametrize(
    ("master", "words"),
    [
        ("yarn", "cannot be used yet"),
        ("k8s://https://a:6443", "cannot be used yet"),
        ("mesos://a", "no Spark master"),
        ("local[2", "no Spark master"),
        ("spark://", "no Spark master"),
        ("", "no Spark master"),
    ],
)
def test_other_masters_are_refused_in_words(tmp_path: Path, master: str, words: str) -> None:
    with pytest.raises(SetupError, match=rf"{words}.* use local\[\*\]"):
        choose.launcher(Settings(data_dir=tmp_path, spark_master=master))


def test_a_master_on_loopback_needs_no_other_address() -> None:
    assert choose.on_loopback("local[2]")
    assert choose.on_loopback("spark://127.0.0.1:7077")
    assert not choose.on_loopback("spark://127.0.0.1:7077,other:7077")
    assert not choose.on_loopback("spark://cluster:7077")
