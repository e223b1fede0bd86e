"""Recorded outputs and a notebook's cells: put in, compared."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hopyard.notebook.recorder.run import Run

Notebook = dict[str, Any]


def find(notebook: Notebook, run: Run) -> dict[str, Any] | None:
    """Return the code cell that a run belongs to.

    Cells of a notebook older than nbformat 4.5 have no ids on disk: there it is the one cell with
    the run's code.
    """
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    if any("id" in cell for cell in notebook["cells"]):
        return next((cell for cell in cells if cell.get("id") == run.cell), None)
    same = [cell for cell in cells if _text(cell["source"]) == run.code]
    return same[0] if len(same) == 1 else None


def put(run: Run, cell: dict[str, Any]) -> bool:
    """Give a cell the outputs of a run; return whether that changed it."""
    if equal(run, cell) and cell.get("execution_count") == _count(run):
        return False
    cell["outputs"] = run.outputs.dump()
    cell["execution_count"] = _count(run)
    # The user's own kernel made them: they are shown as when the page is open.
    cell.setdefault("metadata", {})["trusted"] = True
    return True


def merge(notebook: Notebook, runs: Iterable[Run]) -> tuple[list[Run], bool]:
    """Put runs into a notebook, the older first.

    Returns:
        Those whose cell is in it, and whether that changed the notebook.
    """
    found, changed = [], False
    for run in runs:
        cell = find(notebook, run)
        if cell is not None:
            changed |= put(run, cell)
            found.append(run)
    return found, changed


def equal(run: Run, cell: dict[str, Any]) -> bool:
    """Return whether a cell shows exactly what was recorded."""
    recorded = run.outputs.dump()
    return plain(recorded) == plain(cell.get("outputs") or [])


def is_part(run: Run, cell: dict[str, Any]) -> bool:
    """Return whether a cell shows the beginning of what was recorded, and not all of it."""
    recorded, shown = plain(run.outputs.dump()), plain(cell.get("outputs") or [])
    if not shown or len(shown) > len(recorded):
        return False
    if shown[:-1] != recorded[: len(shown) - 1]:
        return False
    last, full = shown[-1], recorded[len(shown) - 1]
    if last == full:
        return len(shown) < len(recorded)
    same = last.get("output_type") == full.get("output_type") == "stream"
    return same and last["name"] == full["name"] and full["text"].startswith(last["text"])


def plain(outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return outputs in one form: texts as one string, whoever wrote them."""
    return [
        {
            name: {mime: _text(value) for mime, value in value.items()}
            if name == "data"
            else _text(value)
            if name == "text"
            else value
            for name, value in output.items()
        }
        for output in outputs
    ]


def _count(run: Run) -> int | None:
    return run.count if run.done else None


def _text(value: Any) -> Any:
    """Return a text that may be a list of lines as one; anything else as it is."""
    lines = isinstance(value, list) and all(isinstance(line, str) for line in value)
    return "".join(value) if lines else value
