"""One run: one execution of one cell, from the page's request to the kernel's last word."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from hopyard.notebook.recorder.outputs import KINDS, Outputs

STATEMENT = "hopyard_statement"
"""The message by which our Spark kernels say which Livy statement a cell became."""
State = Literal["waiting", "running", "done"]
FIELDS = (
    *("id", "kernel", "session", "paths", "cell", "code", "state", "count", "behind", "written"),
    *("statement", "whole", "base"),
)
"""What is written down of a run, beside its outputs."""


@dataclass
class Run:
    """What the recorder knows of one execution."""

    id: str
    """The `msg_id` of the request: every message that answers it names it."""
    kernel: str
    session: str
    """The page that asked: one kernel connection of one browser tab."""
    paths: list[str]
    """The notebooks that use this kernel; the cell is in one of them."""
    cell: str
    code: str
    state: State = "waiting"
    count: int | None = None
    behind: bool = False
    """Whether no page may have all of it: what a page saves is then not the last word."""
    written: bool = False
    """Whether the outputs were written into the notebook by the recorder."""
    last: int = 0
    """The number of the last message that changed it."""
    outputs: Outputs = field(default_factory=Outputs)
    statement: str | None = None
    """The Livy statement that the cell became: `/sessions/N/statements/M`."""
    whole: str | None = None
    """Where all that the statement prints is shown to a person."""
    base: list[dict[str, Any]] = field(default_factory=list)
    """The outputs from before the statement."""
    asks: dict[str, Any] | None = None
    """The content of an input request that nobody has answered."""

    @property
    def done(self) -> bool:
        """Whether the kernel has said its last word."""
        return self.state == "done"

    def apply(self, kind: str, content: dict[str, Any]) -> bool:
        """Apply one message of the kernel; return whether it meant anything."""
        if kind in KINDS:
            self.outputs.apply(kind, content)
            self.written = False
            if self.state == "waiting":
                self.state = "running"
        elif kind == "execute_input":
            self.state, self.count = "running", content.get("execution_count")
        elif kind == "status" and content.get("execution_state") == "idle":
            self.state = "done"
        elif kind == STATEMENT:
            self.statement, self.whole = content["path"], content.get("whole")
            self.base = [*self.outputs.dump()]
        else:
            return False
        self.asks = None
        return True

    def end(self, reason: str) -> None:
        """End it without the kernel's last word."""
        if self.state == "running":
            text = f"\n[{reason}]\n" if self.outputs.dump() else f"[{reason}]\n"
            self.apply("stream", {"name": "stderr", "text": text})
        self.state = "done"

    def dump(self) -> dict[str, Any]:
        """Return all that is written down of it."""
        return {name: getattr(self, name) for name in FIELDS} | {
            "outputs": self.outputs.dump(),
            "displays": self.outputs.ids,
            "cut": self.outputs.cut,
        }

    @classmethod
    def load(cls, saved: dict[str, Any]) -> Run:
        """Return the run that `dump` wrote down."""
        outputs = Outputs.load(saved["outputs"], saved["displays"], saved["cut"])
        return cls(**{name: saved[name] for name in FIELDS}, outputs=outputs)
