"""The contract of a launcher: start, check and stop the driver of a session or a batch.

A launcher keeps nothing in memory that it could not do without: the Livy server may be killed at
any moment, and what `start` returned (written down in a row) must be enough for a new launcher
object to check and stop the same driver, and never another process that got its number.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hopyard.protocol.messages import BatchReport, StartConfig

FILES_OF_USERS = 0o022
"""The umask of what runs for a user; the platform's own keeps everybody out."""
Process = dict[str, Any]
"""Where a driver runs, as JSON: only the launcher that made it reads it."""


@dataclass(frozen=True)
class Order:
    """What is to be started.

    Attributes:
        project: the name of the project.
        config: what the process is told; `work_dir`, `ticket` and `spark.local.dir` are the
            launcher's to fill in.
        log: the file for its stdout and stderr.
        user: in whose name Spark works; it shows this name.
    """

    project: str
    config: StartConfig
    log: Path
    user: str


class Launcher(ABC):
    """Starts, checks and stops drivers."""

    project_folder: str | None
    """Where a driver sees its project's folder; None: at the place that it has outside."""

    @abstractmethod
    async def start(self, order: Order) -> Process:
        """Start a driver.

        The driver outlives this process. It dials home (a session) or writes its report (a batch)
        by itself; nothing here waits for that.

        Parameters
        ----------
        order : Order
            What to start. Its secret must not show in a command line, an environment or a log.

        Returns
        -------
        Process
            Enough to find this driver again, and no other process.

        Raises
        ------
        Unavailable
            It cannot be started now; the message is for the user.
        """

    @abstractmethod
    def announce(self, home: str) -> None:
        """Let drivers know where home is now; those that run too, when they dial the next time.

        Called at each start of the server, whose address may be another than before.

        Parameters
        ----------
        home : str
            What the number of a session is put after, as in its configuration.
        """

    @abstractmethod
    async def check(self, process: Process) -> str | None:
        """Look whether a driver still runs.

        Parameters
        ----------
        process : Process
            What `start` returned, perhaps in an earlier life of the server.

        Returns
        -------
        str or None
            None while it runs; else how it ended, as half a sentence ("was killed by signal 9").
        """

    @abstractmethod
    async def stop(self, process: Process) -> None:
        """End a driver and everything that it started; return when nothing of it runs.

        One that has ended already is no error. Whoever got its process number since is left alone.
        """

    @abstractmethod
    def uploads(self, place: str) -> tuple[Path, str]:
        """Return the folder for files that a client uploads to a driver that was started.

        Returns
        -------
        tuple[Path, str]
            Where this process writes them, and where the driver reads them. `clean` removes it.
        """

    @abstractmethod
    async def release(self, process: Process) -> None:
        """Let a batch's application begin; until then its process waits.

        Called when `process` is written down, so that no application runs that a server which was
        killed in between does not know of, and none runs twice. A second call is no error.
        """

    @abstractmethod
    async def report(self, place: str) -> BatchReport:
        """Read what a batch's process says of itself, also after its end and before `clean`.

        Parameters
        ----------
        place : str
            The place in its configuration.

        Returns
        -------
        BatchReport
            An empty one while it has said nothing. The user's code could have written it too.
        """

    @abstractmethod
    async def clean(self, place: str) -> None:
        """Remove the scratch files of a process that has ended."""
