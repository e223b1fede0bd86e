"""Where a cell runs: in the driver, in the kernel, or as a magic of ours.

A cell that begins with one of our magics is one; `%%local` cells run in the kernel's own Python;
everything else runs in the driver, also IPython's own magics and `!`.
"""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum

from sparkmagic.kernels.wrapperkernel.usercodeparser import UserCodeParser

from hopyard.notebook.kernels.language import PYTHON, Language
from hopyard.notebook.kernels.whole import is_whole

WITH_BODY = ("spark", "sql", "pretty", "local", "configure")
WITHOUT_BODY = ("attach", "info", "logs", "cleanup", "delete", "help", "send_to_spark")
LINE = ("matplot",)
MAGICS = (*(f"%%{name}" for name in sorted(WITH_BODY + WITHOUT_BODY)), *(f"%{n}" for n in LINE))
MISPLACED = "_do_not_call_misplaced"
"""The magic that says that another one must come first."""
INVISIBLE = "\ufeff\u200b\u2060"
"""What editors leave at the beginning of a text and Python does not take for a space."""

_VALUES = {
    *("-o", "--output", "-m", "--samplemethod", "-n", "--maxrows"),
    *("-r", "--samplefraction", "-c", "--coerce"),
}
"""Options that a value follows."""
_FLAGS = {"sql": {"-q", "--quiet"}, "configure": {"-f", "--force"}}
_WORD = re.compile(r"\s*((?:'[^']*'|\"[^\"]*\"|[^\s'\"])+)")
_LATE = re.compile(
    rf"^[^\S\n]*(%%?)({'|'.join(sorted(WITH_BODY + WITHOUT_BODY))})(?!\w)", re.MULTILINE
)
_AROUND = ("%%time", "%%timeit", "%%capture", "%%prun")
"""IPython's magics whose cell is code; that of others is theirs."""


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
    begin = _begin(code)
    name = magic_of(code)
    if name is None:
        typed = code[begin:cursor]
        begun = typed.startswith("%") and not set(typed) & set(" \t\n")
        return Part(Place.MAGIC, begin) if begun else Part(Place.DRIVER, 0)
    end = code.find("\n", begin)
    end = len(code) if end < 0 else end
    body = begin + _after_options(name, code[begin:end])
    start = body if body < end else end + 1
    if cursor < start:
        return Part(Place.MAGIC, begin)
    places = {"spark": Place.DRIVER, "pretty": Place.DRIVER, "sql": Place.SQL, "local": Place.LOCAL}
    return Part(places.get(name, Place.MAGIC), start)


def magic_of(code: str) -> str | None:
    """Return the name of our magic that a cell begins with."""
    first = code[_begin(code) :].split(None, 1)[:1]
    if not first or not first[0].startswith("%"):
        return None
    name = first[0].lstrip("%")
    if name in LINE or name in WITH_BODY or name in WITHOUT_BODY or name.startswith("_do_not_call"):
        return name
    return None


def misplaced(code: str, language: Language) -> str | None:
    """Return the magic of ours that a cell has, but not at its beginning."""
    begin = _begin(code)
    first = code[begin:].split(None, 1)[0]
    if first.startswith("%%") and first not in _AROUND:
        return None
    for found in _LATE.finditer(code, begin):
        # Elsewhere than in Python a % alone is no magic but an operator.
        if (found[1] == "%%" or language is PYTHON) and is_whole(code[: found.start()], language):
            return found[1] + found[2]
    return None


def unknown_magic(code: str, known: Container[str] = ()) -> str | None:
    """Return why a cell with a magic that nobody knows cannot run; None where it has none.

    Args:
        code: of the cell.
        known: names of the magics for cells beside ours: IPython's, where it understands the cell.
    """
    word = (code.split(None, 1) or [""])[0]
    if not word.startswith("%%") or word.removeprefix("%%") in known:
        return None
    near = get_close_matches(word.lower(), MAGICS, 1)
    guess = f" Did you mean {near[0]}?" if near else ""
    ours = ", ".join(MAGICS[:-1])
    return f"There is no magic {word} in this kernel; there are {ours} and {MAGICS[-1]}.{guess}"


class Parser(UserCodeParser):  # type: ignore[misc]
    """Says where a cell runs; what cannot be seen before a magic does not hide it.

    Args:
        language: of the cells without a magic.
    """

    def __init__(self, language: Language = PYTHON) -> None:
        super().__init__()
        self._language = language

    def get_code_to_run(self, code: str) -> str:
        """Return the cell as IPython is to run it."""
        code = code.replace("\r\n", "\n").lstrip(INVISIBLE)
        name = magic_of(code)
        if name is None:
            if _begin(code) == len(code):
                return ""
            if late := misplaced(code, self._language):
                return f"%%{MISPLACED} {late}\n "
            return f"%%spark\n{code}"
        code = code[_begin(code) :].replace("\r", "\n")
        if name in LINE:
            return code
        head, _, body = code.partition("\n")
        head = head.lstrip("%")
        if name not in WITH_BODY:
            return f"%%{head}\n{body.strip() or ' '}" if name in WITHOUT_BODY else code
        cut = _after_options(name, head)
        # A query, settings or code may stand on the first line too.
        text = "\n".join(part for part in (head[cut:].rstrip(), body) if part)
        if name == "local":
            return text
        return f"%%{_spaced(head[:cut]).rstrip()}\n{text or ' '}"


def _begin(code: str) -> int:
    """Return where the first letter is that can be seen."""
    return next(
        (n for n, sign in enumerate(code) if not sign.isspace() and sign not in INVISIBLE),
        len(code),
    )


def _spaced(text: str) -> str:
    """Return text whose spaces are plain ones, such as IPython knows."""
    return re.sub(r"[^\S\n]", " ", text)


def _after_options(name: str, head: str) -> int:
    """Return where in a magic's first line its options end and something else begins."""
    place = len(head) - len(head.lstrip("%")) + len(name)
    flags = _FLAGS.get(name, set())
    values = _VALUES if name in ("sql", "spark") else set()
    while found := _WORD.match(head, place):
        word = found[1]
        option = word.partition("=")[0]
        if option in flags:
            place = found.end()
            more = _WORD.match(head, place)
            if more and more[1].lower() in ("true", "false"):
                place = more.end()
        elif option in values:
            place = found.end()
            more = _WORD.match(head, place)
            if more and "=" not in word:
                place = more.end()
        elif word[:2] in values and word[1] != "-":  # as in -n5
            place = found.end()
        elif word.startswith("-") and (values or flags) and not _is_comment(name, word):
            return len(head)  # an option that is not there: said where options are read
        else:
            return found.start(1)
    return len(head)


def _is_comment(name: str, word: str) -> bool:
    return name == "sql" and word == "--"
