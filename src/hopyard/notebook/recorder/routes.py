"""`GET hopyard/runs`: what was recorded for a notebook, for a page that comes back.

| parameter | meaning |
| --- | --- |
| `path` | the notebook |
| `kernel` | the id of its kernel |
| `session` | the page's own session id at that kernel |
| `since` | the number of the last message that the page has seen; 0 for all |
"""

from __future__ import annotations

import asyncio
from typing import Any

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join
from tornado.web import HTTPError, authenticated

from hopyard.notebook.recorder.follow import follow
from hopyard.notebook.recorder.recorder import Recorder
from hopyard.notebook.recorder.run import Run

RECOVER_SECONDS = 3.0
"""After the start: first the page that somebody waits for."""


class RunsHandler(APIHandler):  # type: ignore[misc]
    """What was recorded."""

    auth_resource = "contents"

    @authenticated  # type: ignore[untyped-decorator, unused-ignore]
    @authorized  # type: ignore[untyped-decorator]
    def get(self) -> None:
        """Answer with the runs of a notebook that have news."""
        path = self.get_query_argument("path").strip("/")
        kernel = self.get_query_argument("kernel")
        session = self.get_query_argument("session")
        try:
            since = int(self.get_query_argument("since", "0"))
        except ValueError:
            raise HTTPError(400, "since is the number of a message") from None
        recorder: Recorder = self.settings["kernel_manager"].recorder
        runs = []
        for run in recorder.runs.of(path):
            if _has_news(run, kernel, since):
                runs.append(_shown(run) | {"elsewhere": recorder.is_elsewhere(run, session)})
            recorder.shown(run, session)
        self.finish({"number": recorder.number(kernel), "runs": runs})


def _has_news(run: Run, kernel: str, since: int) -> bool:
    """Return whether a page that has read the notebook, and these messages, lacks something."""
    if not run.done:
        return True
    if not since:
        return not run.written
    return run.last > since if run.kernel == kernel else run.statement is not None


def _shown(run: Run) -> dict[str, Any]:
    return {
        "id": run.id,
        "cell": run.cell,
        "kernel": run.kernel,
        "state": run.state,
        "count": run.count,
        "outputs": run.outputs.dump(),
        "displays": run.outputs.ids,
        "asks": run.asks,
    }


def handlers(base_url: str) -> list[tuple[str, type[APIHandler]]]:
    """Return the routes."""
    return [(url_path_join(base_url, "hopyard", "runs"), RunsHandler)]


async def recover(serverapp: Any) -> None:
    """Write what an earlier server had recorded and no page had saved."""
    recorder: Recorder = serverapp.kernel_manager.recorder
    following = [asyncio.create_task(follow(recorder, run)) for run in recorder.runs.lost()]
    for path in recorder.runs.paths():
        if not any(recorder.is_watched(run.kernel) for run in recorder.runs.of(path)):
            await serverapp.contents_manager.write_recorded(path)
    await asyncio.gather(*following)
