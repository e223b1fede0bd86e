"""`python -m hopyard.driver`: the process that livy's launchers start for a session.

The JVM takes longest to start, then the kernel: both are started before the rest is imported.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from pathlib import Path

from hopyard.driver.interpreters.python import python_process
from hopyard.driver.spark import Spark

CONFIG_VARIABLE = "HOPYARD_DRIVER_CONFIG"


def main() -> None:
    """Read the configuration and be a driver until its end."""
    name = os.environ.pop(CONFIG_VARIABLE, None)
    if name is None:
        sys.exit(f"{CONFIG_VARIABLE} must name the file of the driver's configuration.")
    file = Path(name)
    text = file.read_text()
    file.unlink()  # the secret lives in memory only
    raw = json.loads(text)
    spark = Spark(raw)
    kernel = python_process(spark.folder, spark.environment, raw.get("work_dir", "."))

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


if __name__ == "__main__":
    main()
