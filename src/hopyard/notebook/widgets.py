"""Widgets that no kernel has any more: what else there is of an output is shown.

The kernel may be gone, or be another one since a restart. A page that finds no model for a widget
says *model not found* in the place of the output, also where a table is beside it
(`kernels/picker.py`). The file is changed only when somebody saves it.
"""

from __future__ import annotations

from collections.abc import Set
from typing import Any

WIDGET = "application/vnd.jupyter.widget-view+json"
STATE = "application/vnd.jupyter.widget-state+json"


class LivingWidgets:
    """A mixin for an asynchronous contents manager."""

    parent: Any

    async def get(self, path: str, content: bool = True, **more: Any) -> dict[str, Any]:
        """Return a file; a notebook without the widgets that nobody has any more."""
        model: dict[str, Any] = await super().get(path, content=content, **more)  # type: ignore[misc]
        if content and model["type"] == "notebook":
            without_widgets(model["content"], self.parent.kernel_manager.widgets(model["path"]))
        return model


def without_widgets(notebook: dict[str, Any], living: Set[str]) -> None:
    """Take the views of widgets out of outputs that can be shown without.

    Args:
        notebook: its content.
        living: the ids of the models that the notebook's kernel has.
    """
    if STATE in notebook.get("metadata", {}).get("widgets", {}):
        return  # the file has what the page needs
    for cell in notebook.get("cells", []):
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            view = data.get(WIDGET)
            if view and "text/html" in data and view.get("model_id") not in living:
                del data[WIDGET]
