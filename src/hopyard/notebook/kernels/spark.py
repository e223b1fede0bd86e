"""The Spark kernel: `python -m hopyard.notebook.kernels.spark -f CONNECTION_FILE`."""

from __future__ import annotations

from typing import ClassVar

from hopyard.notebook.kernels import kernel
from hopyard.notebook.kernels.language import SCALA, Language


class Spark(kernel.Kernel):
    """Cells in Scala."""

    speaks: ClassVar[Language] = SCALA


if __name__ == "__main__":
    kernel.run(Spark)
