"""`python -m hopyard.driver`: the process that livy's launchers start for a session.

The JVM takes longest to start, then the kernel: both are started before the rest is imported.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import Any, NoReturn

from hopyard.driver import configuration
from hopyard.driver.interpreters.python import packages_folder, python_process
from hopyard.driver.spark import Spark, SparkFailed


def main() -> None:
    """Read the configuration and be a driver until its end."""
    raw, _ = configuration.take()
    try:
        spark = Spark(raw)
        scratch = raw.get("conf", {}).get("spark.local.dir")
        installed = packages_folder(spark.folder, scratch, raw["session"])
        work_dir = raw.get("work_dir", ".")
        kernel = python_process(spark.folder, spark.environment, work_dir, installed)
    except (SparkFailed, OSError) as error:
        _give_up(raw, str(error))

    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s"
    )
    logging.getLogger("hopyard").setLevel(logging.INFO)
    import asyncio

    from hopyard.driver.agent import Agent
    from hopyard.protocol.messages import DriverConfig

    async def run() -> None:
        await Agent(DriverConfig.model_validate(raw), spark, kernel).run()

    asyncio.run(run())
    sys.stderr.flush()
    # Threads that wait for a JVM that is gone must not hold the process up.
    os._exit(0)


def _give_up(raw: dict[str, Any], why: str) -> NoReturn:
    """Tell the server why, since nobody else will: Spark is not there, the disk is full."""
    import asyncio

    from hopyard.driver.home import give_up
    from hopyard.protocol.messages import DriverConfig

    reason = f"Spark cannot start: {why}"
    print(reason, file=sys.stderr, flush=True)
    asyncio.run(give_up(DriverConfig.model_validate(raw), reason))
    os._exit(1)


if __name__ == "__main__":
    main()
