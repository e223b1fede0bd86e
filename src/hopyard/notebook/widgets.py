"""Widgets of a kernel that is gone: what else there is of an output is shown.

A page that finds no model for a widget says *model not found* in the place of the output, also
where a table is beside it (`kernels/picker.py`). The file is changed only when somebody saves it.
"""

from __future__ import annotations

from typing import Any

WIDGET = "application/vnd.jupyter.widget-view+json"
STATE = "application/vnd.jupyter.widget-state+json"


class LivingWidgets:
    """A mixin for an asynchronous contents manager."""

    parent: Any

    async def get(self, path: str, content: bool = True, **more: Any) -> dict[str, Any]:
        """Return a file; a notebook without the widgets that nobody has any more."""
        model: dict[str, Any] = await super().get(path, content=content, **more)  # type: ignore[misc]
        if content and model["type"] == "notebook" and not await self._has_kernel(model["path"]):
            without_widgets(model["content"])
        return model

    async def _has_kernel(self, path: str) -> bool:
        sessions = self.parent.session_manager
        found: bool = await sessions.session_exists(path=path.strip("/"))
        return found


def without_widgets(notebook: dict[str, Any]) -> None:
    """Take the views of widgets out of outputs that can be shown without."""
    if STATE in notebook.get("metadata", {}).get("widgets", {}):
        return  # the file has what the page needs
    for cell in notebook.get("cells", []):
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if WIDGET in data and "text/html" in data:
                del data[WIDGET]
