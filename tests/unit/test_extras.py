"""What `pip install 'hopyard[EXTRA]'` brings is enough for the rooms that it is meant for."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import metadata

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

IMPORT = """
import importlib, json, pkgutil, sys
hidden, rooms = json.loads(sys.argv[1]), json.loads(sys.argv[2])

class Hides:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in hidden:
            raise ModuleNotFoundError(f"{name} is not brought by the extra", name=name)

sys.meta_path.insert(0, Hides())
for room in rooms:
    found = importlib.import_module(room)
    for one in pkgutil.walk_packages(getattr(found, "__path__", []), room + "."):
        if not one.name.endswith("__main__"):
            importlib.import_module(one.name)
"""


def brought(extra: str) -> set[str]:
    """The distributions that are installed with an extra, as their metadata say."""
    found: set[tuple[str, str]] = set()
    left = [("hopyard", extra), ("hopyard", "")]
    while left:
        name, wanted = left.pop()
        if (name, wanted) in found:
            continue
        found.add((name, wanted))
        for line in metadata.requires(name) or ():
            needed = Requirement(line)
            if needed.marker is None or needed.marker.evaluate({"extra": wanted}):
                left += [(canonicalize_name(needed.name), one) for one in ("", *needed.extras)]
    return {name for name, _ in found}


@pytest.mark.parametrize(
    ("extra", "rooms"),
    [
        (
            "livy",
            ["hopyard.cli.livy", "hopyard.livy", "hopyard.launchers", "hopyard.driver"],
        ),
        ("driver", ["hopyard.driver", "hopyard.protocol"]),
    ],
)
def test_extra_is_enough(extra: str, rooms: list[str]) -> None:
    there = brought(extra)
    assert {"pyspark", "ipykernel"} <= there
    hidden = [
        module
        for module, owners in metadata.packages_distributions().items()
        if not any(canonicalize_name(owner) in there for owner in owners)
    ]
    assert "jupyterlab" in hidden
    words = [sys.executable, "-c", IMPORT, json.dumps(hidden), json.dumps(rooms)]
    ran = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]
