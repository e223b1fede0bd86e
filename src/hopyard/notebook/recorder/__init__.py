"""Outputs outlive the browser: a cell that runs on while no page is open is recorded.

| file | what |
| --- | --- |
| `connection.py` | a page's connection: which request is which cell; messages get numbers |
| `kernels.py` | a tap on each kernel; what happens while nobody is there |
| `recorder.py` | what kernels and pages say, and what it means |
| `run.py`, `runs.py` | one execution of a cell; all that are kept |
| `outputs.py` | messages to outputs, as a page makes them |
| `spool.py` | runs on disk |
| `merge.py`, `contents.py` | notebooks with what was recorded |
| `follow.py` | Spark cells whose Jupyter server died |
| `routes.py` | what a page that comes back asks |

The pages' side: `share/jupyter/labextensions/hopyard-outputs` and
`share/jupyter/nbextensions/hopyard-outputs`.
"""

from __future__ import annotations

from typing import Any


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "hopyard.notebook.recorder"}]


def _load_jupyter_server_extension(serverapp: Any) -> None:
    """Answer the pages; write what an earlier server had recorded."""
    from hopyard.notebook.recorder.routes import RECOVER_SECONDS, handlers, recover

    serverapp.web_app.add_handlers(".*$", handlers(serverapp.base_url))
    serverapp.io_loop.call_later(RECOVER_SECONDS, recover, serverapp)
