"""The Livy server that is fuzzed: everything real but the drivers, which answer at once.

`python -m tests.soak.fuzzed PORT FOLDER` (with a file `tokens` in the folder).
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

from benchmarks.livy.fakes import FakeDriver
from hopyard.cli import livy
from hopyard.launchers.base import Launcher, Order, Process
from hopyard.protocol.messages import Answer, BatchReport, Complete, DriverConfig, Fetch, Inspect
from hopyard.settings import LivySettings, Settings


class AnsweringDriver(FakeDriver):
    """A driver that also answers what is asked beside the statements."""

    async def take(self, message: Any) -> None:
        if isinstance(message, Complete | Inspect):
            await self.send(Answer(request=message.request, content={"matches": ["print"]}))
        elif isinstance(message, Fetch):
            refused = {"problem": "missing", "reason": "There is no DataFrame."}
            await self.send(Answer(request=message.request, content=refused))
        else:
            await super().take(message)


class InOneProcess(Launcher):
    """Has the drivers in the server's own process: hundreds cost nothing."""

    project_folder = None

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._drivers: dict[int, asyncio.Task[None]] = {}

    async def start(self, order: Order) -> Process:
        if isinstance(order.config, DriverConfig):
            driver = AnsweringDriver(order.config)
            self._drivers[order.config.session] = asyncio.create_task(driver.run())
            return {"session": order.config.session}
        return {}

    def announce(self, home: str) -> None:
        return None

    async def check(self, process: Process) -> str | None:
        return None

    async def stop(self, process: Process) -> None:
        if driver := self._drivers.pop(process.get("session", 0), None):
            driver.cancel()
            await asyncio.gather(driver, return_exceptions=True)

    def uploads(self, place: str) -> tuple[Path, str]:
        folder = self._folder / "uploads" / place
        return folder, str(folder)

    async def release(self, process: Process) -> None:
        return None

    async def report(self, place: str) -> BatchReport:
        number = int(place.rpartition("/")[2])
        over = number % 3 if number > 1 else None  # the first one runs for ever
        return BatchReport(app_id=f"local-{number}", exit_code=over, reason="It failed.")

    async def clean(self, place: str) -> None:
        """There is nothing."""


def main() -> None:
    port, folder = int(sys.argv[1]), Path(sys.argv[2])
    many = LivySettings(batches_per_user=100_000, batches_per_project=100_000)
    settings = Settings(data_dir=folder, isolation="none", log_level="error", livy=many)
    livy.serve(
        settings, None, port=port, token_file=folder / "tokens", launcher=InOneProcess(folder)
    )


if __name__ == "__main__":
    main()
