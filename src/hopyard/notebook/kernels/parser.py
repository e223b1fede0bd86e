"""Where a cell runs: in the driver, in the kernel, or as a magic of ours.

A cell that begins with one of our magics is one; `%%local` cells run in the kernel's own Python;
everything else runs in the driver, also IPython's own magics and `!`.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum

from sparkmagic.kernels.wrapperkernel.usercodeparser import UserCodeParser

WITH_BODY = ("spark", "sql", "pretty", "local", "configure")
WITHOUT_BODY = ("attach", "info", "logs", "cleanup", "delete", "help", "send_to_spark")
LINE = ("matplot",)
MAGICS = (*(f"%%{name}" for name in sorted(WITH_BODY + WITHOUT_BODY)), *(f"%{n}" for n in LINE))


class Place(Enum):
    """Who understands a part of a cell."""

    DRIVER = "driver"
    SQL = "sql"
    LOCAL = "local"
    MAGIC = "magic"


@dataclass(frozen=True)
class Part:
    """The part of a cell where the cursor is."""

    place: Place
    offset: int
    """Where its code begins in the cell."""


def part_at(code: str, cursor: int) -> Part:
    """Return the part of a cell that a cursor is in."""
    begin = len(code) - len(code.lstrip("\n\r"))
    name = magic_of(code)
    if name is None:
        typed = code[begin:cursor]
        begun = typed.startswith("%") and not set(typed) & set(" \t\n")
        return Part(Place.MAGIC, begin) if begun else Part(Place.DRIVER, 0)
    end = code.find("\n", begin)
    if end < 0 or cursor <= end:
        return Part(Place.MAGIC, begin)
    places = {"spark": Place.DRIVER, "pretty": Place.DRIVER, "sql": Place.SQL, "local": Place.LOCAL}
    return Part(places.get(name, Place.MAGIC), end + 1)


def magic_of(code: str) -> str | None:
    """Return the name of our magic that a cell begins with."""
    first = code.lstrip("\n\r").split(None, 1)[:1]
    if not first or not first[0].startswith("%"):
        return None
    name = first[0].lstrip("%")
    if name in LINE or name in WITH_BODY or name in WITHOUT_BODY or name.startswith("_do_not_call"):
        return name
    return None


def unknown_magic(code: str) -> str | None:
    """Return why a cell with a magic that nobody knows cannot run; None where it has none.

    For languages in which nothing begins with `%%`.
    """
    word = (code.split(None, 1) or [""])[0]
    if not word.startswith("%%"):
        return None
    near = get_close_matches(word, MAGICS, 1)
    guess = f" Did you mean {near[0]}?" if near else ""
    return f"There is no magic {word} in this kernel: %%help lists those that are there.{guess}"


class Parser(UserCodeParser):  # type: ignore[misc]
    """Says where a cell runs; empty lines before a magic do not hide it."""

    def get_code_to_run(self, code: str) -> str:
        """Return the cell as IPython is to run it."""
        name = magic_of(code)
        if name is None:
            return f"%%spark\n{code}" if code.strip() else code
        code = code.lstrip("\n\r")
        if name == "local":
            first, _, rest = code.partition("\n")
            return rest or first.partition("local")[2].strip()
        if name in WITHOUT_BODY or (name == "spark" and "\n" not in code.strip()):
            return f"%%{code.lstrip('%')}\n "
        if name in WITH_BODY:
            return f"%%{code.lstrip('%')}"
        return code
