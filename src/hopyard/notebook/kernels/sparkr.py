"""The SparkR kernel: `python -m hopyard.notebook.kernels.sparkr -f CONNECTION_FILE`."""

from __future__ import annotations

from typing import ClassVar

from hopyard.notebook.kernels import kernel
from hopyard.notebook.kernels.language import Language, R


class SparkR(kernel.Kernel):
    """Cells in R."""

    speaks: ClassVar[Language] = R


if __name__ == "__main__":
    kernel.run(SparkR)
