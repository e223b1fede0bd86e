"""The PySpark kernel: `python -m hopyard.notebook.kernels.pyspark -f CONNECTION_FILE`."""

from __future__ import annotations

from typing import ClassVar

from hopyard.notebook.kernels import kernel
from hopyard.notebook.kernels.language import PYTHON, Language


class PySpark(kernel.Kernel):
    """Cells in Python."""

    speaks: ClassVar[Language] = PYTHON


if __name__ == "__main__":
    kernel.run(PySpark)
