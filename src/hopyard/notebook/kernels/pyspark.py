"""The PySpark kernel: cells run in a Spark driver, through the Livy server.

`python -m hopyard.notebook.kernels.pyspark -f CONNECTION_FILE`, made from sparkmagic's kernel. Its
process holds no Spark: it parses magics, sends code and shows what comes back; `%%local` cells run
in it.
"""

from __future__ import annotations

import os
from typing import Any

from hopyard.notebook.kernels import sparkmagic as parts

parts.load()
parts.configure(os.environ)

from ipykernel.ipkernel import IPythonKernel  # noqa: E402
from sparkmagic.kernels.pysparkkernel.pysparkkernel import PySparkKernel  # noqa: E402

from hopyard.notebook.kernels.magics import Magics  # noqa: E402
from hopyard.notebook.kernels.parser import Parser  # noqa: E402


class Kernel(PySparkKernel):  # type: ignore[misc]
    """Sparkmagic's kernel on today's ipykernel: asynchronous, without a patched event loop."""

    implementation = "hopyard"
    banner = "PySpark on Hopyard"

    def __init__(self, **arguments: Any) -> None:
        super().__init__(user_code_parser=Parser(), **arguments)
        self.language_info["name"] = "python"

    def _load_magics_extension(self) -> None:
        # The original runs a `%load_ext` cell, before the kernel can run cells.
        self.magics = Magics(self.shell)
        self.shell.register_magics(self.magics)

    def _change_language(self) -> None:
        """Nothing: `Magics` speaks Python from the start."""

    async def do_execute(
        self,
        code: str,
        silent: bool,
        store_history: bool = True,
        user_expressions: Any = None,
        allow_stdin: bool = False,
        **more: Any,
    ) -> Any:
        """Run one cell; what fails in it is the reply's error, so that Run All stops."""
        return await IPythonKernel.do_execute(
            self,
            self.user_code_parser.get_code_to_run(code),
            silent,
            store_history,
            user_expressions,
            allow_stdin,
            **more,
        )

    async def do_shutdown(self, restart: bool) -> Any:
        """End the Spark session, then the kernel."""
        self.magics.spark_controller.end_all()
        return IPythonKernel.do_shutdown(self, restart)


def main() -> None:
    """Run the kernel."""
    from ipykernel.kernelapp import IPKernelApp

    IPKernelApp.launch_instance(kernel_class=Kernel)


if __name__ == "__main__":
    main()
