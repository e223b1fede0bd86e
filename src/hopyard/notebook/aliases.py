"""Notebooks that were written for sparkmagic's own kernels open in ours.

sparkmagic, and with it Hopsworks and EMR, names its kernels `pysparkkernel`, `sparkkernel` and
`sparkrkernel`. Such a notebook is shown with our kernel's name, so that no page asks for a kernel;
the file is changed only when somebody saves it.
"""

from __future__ import annotations

from typing import Any

NAMES = {
    "pysparkkernel": ("pyspark", "PySpark"),
    "pyspark3kernel": ("pyspark", "PySpark"),
    "sparkkernel": ("spark", "Spark"),
    "sparkrkernel": ("sparkr", "SparkR"),
}
"""By sparkmagic's names: the name and the display name of ours."""


class SparkmagicNames:
    """A mixin for an asynchronous contents manager."""

    parent: Any

    async def get(self, path: str, content: bool = True, **more: Any) -> dict[str, Any]:
        """Return a file; a notebook with a kernel that there is."""
        model: dict[str, Any] = await super().get(path, content=content, **more)  # type: ignore[misc]
        if content and model["type"] == "notebook":
            self._rename(model["content"].get("metadata", {}).get("kernelspec"))
        return model

    def _rename(self, kernelspec: Any) -> None:
        if not isinstance(kernelspec, dict):
            return
        ours = NAMES.get(str(kernelspec.get("name")))
        if ours and ours[0] in self.parent.kernel_spec_manager.allowed_kernelspecs:
            kernelspec["name"], kernelspec["display_name"] = ours
