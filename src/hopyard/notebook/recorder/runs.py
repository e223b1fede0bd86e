"""All runs that are kept: in memory, and in step with the spool."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from hopyard.notebook.recorder.run import Run
from hopyard.notebook.recorder.spool import Spool

KEPT = 1000
"""Beyond that the oldest finished runs are forgotten."""
SETTLED = 200
SETTLED_SIZE = 100_000
"""Runs, and letters of each, that are remembered once a page has saved them: see `Runs.settled`."""
SERVER_ENDED = "The Jupyter server ended while this cell ran: its output ends here."
Later = Callable[[Callable[[], None]], None]
"""Runs a function a little later."""


class Runs:
    """The runs of one Jupyter server, and those that the server before it left.

    Args:
        spool: where they are written down.
        later: how to come back soon, once for many changes.
    """

    def __init__(self, spool: Spool, later: Later) -> None:
        self._spool = spool
        self._later = later
        self._runs: dict[str, Run] = {}
        self._changed: set[str] = set()
        self._lost: set[str] = set()
        """Kernels of an earlier server."""
        self._loaded = False
        self._settled: OrderedDict[str, Run] = OrderedDict()

    def __iter__(self) -> Iterator[Run]:
        """Go through all runs, the older first."""
        return iter([*self._runs.values()])

    def __contains__(self, name: str) -> bool:
        return name in self._runs

    def get(self, name: str) -> Run | None:
        """Return a run by its `msg_id`."""
        return self._runs.get(name)

    def of(self, path: str) -> list[Run]:
        """Return the runs of a notebook, the older first."""
        self.load()
        return [run for run in self if path in run.paths]

    def paths(self, kernel: str | None = None) -> set[str]:
        """Return the notebooks (of a kernel) with outputs that are not in their file."""
        self.load()
        mine = [run for run in self if kernel in (None, run.kernel) and not run.written]
        return {path for run in mine for path in run.paths}

    def lost(self) -> list[Run]:
        """Return the cells of an earlier server whose Livy statements may go on."""
        self.load()
        return [run for run in self if not run.done and run.kernel in self._lost]

    def add(self, run: Run) -> None:
        """Keep a run; the one before it of the same cell is over."""
        self.load()
        self.drop(
            other for other in self if other.cell == run.cell and {*other.paths} & {*run.paths}
        )
        self.forget(lambda other: other.cell == run.cell and bool({*other.paths} & {*run.paths}))
        finished = [one for one in self if one.done]
        self.drop(finished[: max(0, len(self._runs) + 1 - KEPT)])
        self._runs[run.id] = run
        self.changed(run)

    def drop(self, runs: Iterable[Run]) -> None:
        """Forget runs."""
        for run in runs:
            self._runs.pop(run.id, None)
            self._changed.discard(run.id)
            self._spool.drop(run)

    def settled(self, runs: Iterable[Run]) -> None:
        """Forget runs that a page has saved, but for what a thread of theirs may print later.

        Only in memory, only so many, and none with very long output.
        """
        for run in [*runs]:
            self.drop([run])
            if run.outputs.size <= SETTLED_SIZE:
                self._settled[run.id] = run
        while len(self._settled) > SETTLED:
            self._settled.popitem(last=False)

    def settled_of(self, path: str) -> list[Run]:
        """Return the settled runs of a notebook."""
        return [run for run in self._settled.values() if path in run.paths]

    def forget(self, these: Callable[[Run], bool]) -> None:
        """Forget settled runs for good."""
        for run in [run for run in self._settled.values() if these(run)]:
            del self._settled[run.id]

    def revive(self, name: str) -> Run | None:
        """Keep a settled run again: something was printed after its end."""
        run = self._settled.pop(name, None)
        if run is not None:
            self._runs[name] = run
            self.changed(run)
        return run

    def said(self, run: Run, kind: str, content: dict[str, Any]) -> None:
        """A message has changed a run."""
        self._spool.note(run, kind, content)
        self._mark(run)

    def changed(self, run: Run, *fields: str) -> None:
        """A run has changed: in some fields, or in more than that."""
        if fields:
            self._spool.note_fields(run, *fields)
        else:
            self._spool.drop(run)
        self._mark(run)

    def written(self, runs: Iterable[Run]) -> None:
        """These runs are in their notebook's file."""
        for run in runs:
            if run.id in self._runs:
                run.written = True
                self.changed(run, "written")

    def renamed(self, old: str, new: str) -> None:
        """A notebook, or a folder of notebooks, has another name now."""
        for run in self:
            paths = [_moved(path, old, new) for path in run.paths]
            if paths != run.paths:
                run.paths = paths
                self.changed(run, "paths")
        for run in self._settled.values():
            run.paths = [_moved(path, old, new) for path in run.paths]

    def deleted(self, path: str) -> None:
        """A notebook, or a folder of notebooks, is gone."""
        inside = f"{path}/"

        def is_gone(run: Run) -> bool:
            return all(one == path or one.startswith(inside) for one in run.paths)

        self.drop(run for run in self if is_gone(run))
        self.forget(is_gone)

    def write_down(self) -> None:
        """Write what changed to the disk."""
        for name in self._changed:
            self._spool.write(self._runs[name])
        self._changed.clear()

    def load(self) -> None:
        """Read the runs of the server before this one, once."""
        if self._loaded:
            return
        self._loaded = True
        later, self._runs = self._runs, {}
        for run in self._spool.load():
            if run.state == "waiting":
                self._spool.drop(run)  # it never began, and never will
                continue
            self._runs[run.id] = run
            run.behind = True
            if not run.done and run.statement:
                self._lost.add(run.kernel)
            elif not run.done:
                run.end(SERVER_ENDED)
                self.changed(run)
        self._runs |= later

    def _mark(self, run: Run) -> None:
        if not self._changed:
            self._later(self.write_down)
        self._changed.add(run.id)


def _moved(path: str, old: str, new: str) -> str:
    if path == old:
        return new
    return f"{new}/{path.removeprefix(f'{old}/')}" if path.startswith(f"{old}/") else path
