"""What a tour is."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel

FILES = Path(__file__).resolve().parents[2] / "tours"
"""The notebooks and data of all tours; `tours.toml` says which belongs to which."""


class Tour(BaseModel, extra="forbid", frozen=True):
    """Notebooks about one subject."""

    name: str
    """Also the beginning of the name of a project made for it."""
    title: str
    summary: str
    mode: Literal["python", "spark"]
    files: tuple[str, ...]
    """Files and folders below `FILES`."""

    @property
    def notebooks(self) -> tuple[str, ...]:
        """The names of its notebooks."""
        return tuple(file for file in self.files if file.endswith(".ipynb"))


def every() -> list[Tour]:
    """Return all tours, in the order in which a newcomer takes them."""
    content = tomllib.loads((FILES / "tours.toml").read_text(encoding="utf-8"))
    return [Tour.model_validate(one) for one in content["tour"]]
