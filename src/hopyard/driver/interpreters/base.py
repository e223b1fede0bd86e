"""The contract between the agent and an interpreter."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol

from hopyard.protocol.messages import Input
from hopyard.protocol.states import Kind


class InterpreterDied(Exception):
    """The interpreter's process ended while it ran code; one sentence that says how."""


class CannotStart(Exception):
    """Code of a kind cannot run here; one sentence that says why, and what to install or use."""


class NoFrame(Exception):
    """There is no such DataFrame, or it cannot be had now; one sentence for the user.

    Attributes:
        busy: whether it may be there once the interpreter is done with what it runs.
    """

    def __init__(self, reason: str, *, busy: bool = False) -> None:
        super().__init__(reason)
        self.busy = busy


def not_shown(error: Exception) -> tuple[str, str]:
    """Return name and text of an error in place of what a statement gave."""
    text = f"What this statement gave cannot be shown: {type(error).__name__}: {str(error)[:500]}"
    return "CannotShow", text + ". The session goes on."


class Output(Protocol):
    """Takes what a statement shows while it runs."""

    def stream(self, name: Literal["stdout", "stderr"], text: str) -> None:
        """Take a piece of text."""

    def display(
        self,
        data: dict[str, Any],
        metadata: dict[str, Any],
        transient: dict[str, Any],
        update: bool = False,
    ) -> None:
        """Take rich output, or an update of one."""

    def clear(self, *, wait: bool) -> None:
        """Take back what was shown; with `wait`, when something else comes."""

    async def ask(self, prompt: str, password: bool) -> Input:
        """Ask whoever watches the statement for a line of text."""


@dataclass(frozen=True)
class Outcome:
    """How a statement ended: Livy's `output`, without the streams."""

    status: Literal["ok", "error"]
    data: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    ename: str = ""
    evalue: str = ""
    traceback: tuple[str, ...] = ()


@dataclass(frozen=True)
class Code:
    """What to run.

    Attributes:
        group: the Spark job group that all its jobs must belong to.
        description: what Spark's UI shows beside its jobs.
    """

    text: str
    group: str
    description: str
    silent: bool = False


class Interpreter(ABC):
    """Runs code of one kind, one piece after the other."""

    kind: ClassVar[Kind]
    lost_by_restart: ClassVar[str] = "its variables are gone"
    """What a restart costs the user, for the message."""

    @abstractmethod
    async def start(self) -> None:
        """Make it ready; returns when code can run.

        Raises:
            CannotStart: what it needs is not installed.
            InterpreterDied: it ended instead.
            SparkFailed: it cannot join the Spark application.
        """

    @abstractmethod
    async def execute(self, code: Code, output: Output) -> Outcome:
        """Run code to its end.

        Raises:
            InterpreterDied: the interpreter's process ended; `restart` makes a fresh one.
        """

    @abstractmethod
    async def complete(self, code: str, cursor: int) -> dict[str, Any]:
        """Return completions in the form of Jupyter's `complete_reply`."""

    @abstractmethod
    async def inspect(self, code: str, cursor: int, detail: int) -> dict[str, Any]:
        """Return what stands there, in the form of Jupyter's `inspect_reply`."""

    async def frame(self, group: str, name: str | None) -> Any:
        """Return a Spark DataFrame as the JVM's object.

        Args:
            group: the job group of the statement that gave it.
            name: a variable instead.

        Raises:
            NoFrame: there is none.
        """
        raise NoFrame(f"DataFrames of kind '{self.kind.value}' cannot be fetched.")

    @abstractmethod
    async def interrupt(self) -> None:
        """Ask running code to stop (the agent cancels its Spark jobs)."""

    @abstractmethod
    async def restart(self) -> None:
        """End it by force if it still runs, and make a fresh one ready."""

    @abstractmethod
    async def close(self) -> None:
        """End it."""
