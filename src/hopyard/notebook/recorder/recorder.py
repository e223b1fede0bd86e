"""The recorder: what each kernel says is kept for its cell, whatever the browser does.

Every message that a kernel publishes gets a number, the same for all pages. A page that was away
asks what was recorded up to a number and takes the messages after it, so it neither misses a line
nor shows one twice.

A run is kept until a page has saved what it shows; see `settle` for how that is known.
"""

from __future__ import annotations

import json
from collections import Counter, OrderedDict
from collections.abc import Callable, Set
from typing import Any

from hopyard.notebook.recorder import merge
from hopyard.notebook.recorder.outputs import KINDS, Outputs
from hopyard.notebook.recorder.run import Run
from hopyard.notebook.recorder.runs import Runs

NUMBERS = 20_000
"""Messages of one kernel that are recognised when they come by another way."""
DISPLAYS = ("display_data", "execute_result", "update_display_data")


class Kernel:
    """What is known of one kernel."""

    def __init__(self) -> None:
        self.number = 0
        self.numbers: OrderedDict[str, int] = OrderedDict()
        self.pages: Counter[str] = Counter()
        """How many connections each page has: for a moment, two, when it comes back."""
        self.widgets: set[str] = set()
        """The ids of the models that it has opened and not closed."""


class Recorder:
    """All runs of one Jupyter server."""

    def __init__(self, runs: Runs, settled: Callable[[str], None]) -> None:
        """Make the recorder.

        Args:
            runs: where runs are kept.
            settled: told that a kernel is idle and no page looks at it.
        """
        self.runs = runs
        self._settled = settled
        self._kernels: dict[str, Kernel] = {}

    # --- what the kernel and the pages say -------------------------------------------------------

    def submitted(self, run: Run) -> None:
        """A page asked a kernel to run a cell."""
        run.last = self.number(run.kernel)
        self.runs.add(run)

    def published(self, kernel: str, header: bytes, parent: bytes, content: bytes) -> int:
        """A kernel published a message: record it, unless it is known; return its number."""
        known = self._kernel(kernel)
        head = json.loads(header)
        number = known.numbers.get(head["msg_id"])
        if number is not None:
            return number
        known.number = number = known.number + 1
        known.numbers[head["msg_id"]] = number
        if len(known.numbers) > NUMBERS:
            known.numbers.popitem(last=False)
        kind = head["msg_type"]
        if kind == "comm_open":
            known.widgets.add(json.loads(content)["comm_id"])
        elif kind == "comm_close":
            known.widgets.discard(json.loads(content)["comm_id"])
        name = json.loads(parent).get("msg_id", "")
        run = self.runs.get(name)
        if run is None and kind in KINDS:
            run = self.runs.revive(name)
        if kind in DISPLAYS:
            self._display(kernel, run, kind, json.loads(content), number)
        elif run is not None:
            self._apply(run, kind, json.loads(content), number)
        return number

    def asked(self, message: dict[str, Any]) -> Run | None:
        """A kernel asks for input; return the run that waits for it."""
        run = self.runs.get(message["parent_header"].get("msg_id", ""))
        if run is not None:
            run.asks = message["content"]
        return run

    def opened(self, kernel: str, session: str) -> None:
        """A page connected to a kernel."""
        self._kernel(kernel).pages[session] += 1

    def closed(self, kernel: str, session: str) -> None:
        """A page's connection to a kernel ended."""
        self._kernel(kernel).pages[session] -= 1
        for run in self.runs:
            if run.kernel == kernel and not self._sees(run):
                run.behind = True
        self._settle(kernel)

    def ended(self, kernel: str, reason: str, *, gone: bool) -> None:
        """A kernel ended, or is another one from now on: its runs are over."""
        for run in self.runs:
            if run.kernel == kernel and not run.done:
                run.last = self._kernel(kernel).number
                run.end(reason)
                self.runs.changed(run)
        self._kernel(kernel).widgets.clear()
        self.runs.forget(lambda run: run.kernel == kernel)
        if gone:
            self._kernels.pop(kernel, None)
        self.runs.write_down()
        self._settled(kernel)

    # --- Spark cells that outlived their Jupyter server ------------------------------------------

    def again(self, run: Run) -> None:
        """A run is told anew, from its statement's beginning."""
        run.outputs = Outputs.load(run.base, [None] * len(run.base), cut=False)
        self.runs.changed(run)

    def heard(self, run: Run, kind: str, content: dict[str, Any]) -> None:
        """A statement said something."""
        if run.id in self.runs:
            self._apply(run, kind, content, run.last + 1)

    def over(self, run: Run, reason: str) -> None:
        """A run is over without its kernel's last word."""
        run.end(reason)
        if run.id in self.runs:
            self.runs.changed(run)
            self._settle(run.kernel)

    # --- what is asked ---------------------------------------------------------------------------

    def number(self, kernel: str) -> int:
        """Return the number of the last message of a kernel."""
        return self._kernel(kernel).number

    def widgets(self, kernel: str) -> Set[str]:
        """Return the ids of the widgets that a kernel has."""
        return self._kernels[kernel].widgets if kernel in self._kernels else frozenset()

    def is_watched(self, kernel: str) -> bool:
        """Return whether a page is connected to a kernel."""
        return kernel in self._kernels and any(n > 0 for n in self._kernels[kernel].pages.values())

    def is_running(self, kernel: str) -> bool:
        """Return whether a recorded cell of a kernel runs or waits."""
        return any(run.kernel == kernel and not run.done for run in self.runs)

    def is_elsewhere(self, run: Run, session: str) -> bool:
        """Return whether another page that is connected has asked for a run."""
        return run.session != session and self._sees(run)

    def waiting(self, kernel: str) -> Run | None:
        """Return the run of a kernel that waits for input, if one does."""
        for run in self.runs:
            if run.kernel == kernel and run.asks is not None and not run.done:
                return run
        return None

    def is_going_on(self, kernel: str, session: str) -> bool:
        """Return whether cells that a page asked for run or wait."""
        return any(
            run.kernel == kernel and run.session == session and not run.done for run in self.runs
        )

    # --- notebooks -------------------------------------------------------------------------------

    def shown(self, run: Run, session: str) -> None:
        """A page was given all that was recorded of a run so far, and goes on with it."""
        if not self._sees(run):
            run.session = session
        run.behind = not self._sees(run)

    def settle(self, path: str, notebook: merge.Notebook) -> list[Run]:
        """A page saves a notebook: put in what the page cannot know of.

        What a page saves is the last word where it saw all of a run: cleared outputs stay cleared.
        Where no page may have seen all of it (`Run.behind`), the record is put in, and kept.
        A page that shows only the beginning of a run lags; its next save has the rest.

        Returns:
            The runs that need not be kept once the notebook is saved.
        """
        over = []
        for run in self.runs.of(path):
            cell = merge.find(notebook, run)
            if run.behind:
                if cell is not None:
                    merge.put(run, cell)
            elif run.done and (cell is None or not merge.is_part(run, cell)):
                over.append(run)
        return over

    def saved(self, path: str, notebook: merge.Notebook, over: list[Run]) -> None:
        """A notebook was saved: what is printed later comes after what was saved of its cell."""
        self.runs.settled(over)
        for run in self.runs.settled_of(path):
            cell = merge.find(notebook, run)
            if cell is not None and not merge.equal(run, cell):
                shown = cell.get("outputs") or []
                run.outputs = Outputs.load(shown, [None] * len(shown), cut=False)
        self.runs.forget(lambda run: run.paths == [path] and merge.find(notebook, run) is None)

    def say(self, run: Run, text: str) -> None:
        """Add a line of our own to what a cell printed."""
        content = {"name": "stderr", "text": f"[{text}]\n"}
        self._apply(run, "stream", content, self.number(run.kernel))

    # --- inside ----------------------------------------------------------------------------------

    def _kernel(self, name: str) -> Kernel:
        return self._kernels.setdefault(name, Kernel())

    def _sees(self, run: Run) -> bool:
        """Return whether the page that a run belongs to is connected."""
        return self._kernel(run.kernel).pages[run.session] > 0

    def _apply(self, run: Run, kind: str, content: dict[str, Any], number: int) -> None:
        if not run.apply(kind, content):
            return
        run.last = number
        run.behind = run.behind or not self._sees(run)
        self.runs.said(run, kind, content)
        if run.done:
            self._settle(run.kernel)

    def _display(
        self, kernel: str, run: Run | None, kind: str, content: dict[str, Any], number: int
    ) -> None:
        """Show something under an id: every cell of the kernel that shows that id shows it."""
        name = (content.get("transient") or {}).get("display_id")
        if name:
            for one in self.runs:
                if one.kernel == kernel and one.outputs.displays(name):
                    self._apply(one, "update_display_data", content, number)
        if run is not None and kind != "update_display_data":
            self._apply(run, kind, content, number)

    def _settle(self, kernel: str) -> None:
        if not self.is_watched(kernel) and not self.is_running(kernel):
            self._settled(kernel)
