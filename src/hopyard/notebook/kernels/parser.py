"""Where a cell runs: in the driver, in the kernel, or as a magic."""

from __future__ import annotations

from sparkmagic.kernels.wrapperkernel.usercodeparser import UserCodeParser


class Parser(UserCodeParser):  # type: ignore[misc]
    """Says where a cell runs; empty lines before a magic do not hide it."""

    def get_code_to_run(self, code: str) -> str:
        """Return the cell as IPython is to run it."""
        code = code.lstrip("\n\r")
        first, _, rest = code.partition("\n")
        if first.split(None, 1)[:1] in (["%%local"], ["%local"]):
            return rest or first.partition("local")[2].strip()
        return str(super().get_code_to_run(code))
