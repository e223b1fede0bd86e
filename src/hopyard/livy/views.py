"""Sessions and statements as Livy's REST API shows them; the keys and their order are Livy's."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from starlette.responses import JSONResponse

from hopyard.livy import outputs
from hopyard.livy.records import Session, Statement
from hopyard.settings import Platform

LOG_LINES = 10


class Addresses:
    """Where browsers find the Spark UI and the log of a session or a batch.

    Args:
        platform: None for a server that stands alone.
        base: its own address then, ends with a slash.
    """

    def __init__(self, platform: Platform | None, base: str) -> None:
        self._base = platform.public_url if platform else base
        self._platform = platform is not None
        self._home = urlsplit(platform.livy_url).netloc if platform else ""

    def is_outside(self, host: str) -> bool:
        """Say whether a request came to the platform's address, by the host that it names.

        Web asks this server at its own.
        """
        return self._platform and host != self._home

    def ui(self, session: Session) -> str:
        """The Spark UI's address, ends with a slash."""
        return self._base + self._ui_path(session.project, session.application)

    def ui_base(self, project: str, session: int) -> str:
        """The Spark UI's path as browsers see it (`spark.ui.proxyBase`)."""
        return urlsplit(self._base).path + self._ui_path(project, session).rstrip("/")

    def _ui_path(self, project: str, session: int) -> str:
        if self._platform:
            return f"projects/{project}/applications/{session}/ui/"
        return f"sessions/{session}/ui/"

    def log(self, session: Session) -> str:
        """The address of the driver's log for people."""
        if self._platform:
            source = f"session-{session.application}"
            return f"{self._base}projects/{session.project}/logs?source={source}"
        return f"{self._base}sessions/{session.id}/log/view"

    def text(self, session: Session, statement: int) -> str:
        """The address of all that a statement printed, for people."""
        place = "sessions"
        if self._platform:
            place = f"projects/{session.project}/applications"
        return f"{self._base}{place}/{session.id}/statements/{statement}/text"

    def batch_ui(self, project: str, batch: int) -> str:
        """The address of a batch's Spark UI, ends with a slash."""
        return self._base + self._batch_path(project, batch) + "ui/"

    def batch_ui_base(self, project: str, batch: int) -> str:
        """The path of a batch's Spark UI as browsers see it."""
        return urlsplit(self._base).path + self._batch_path(project, batch) + "ui"

    def batch_log(self, project: str, batch: int) -> str:
        """The address of a batch's log for people."""
        if self._platform:
            return f"{self._base}projects/{project}/logs?source=batch-{batch}"
        return f"{self._base}{self._batch_path(project, batch)}log/view"

    def _batch_path(self, project: str, batch: int) -> str:
        return f"projects/{project}/batches/{batch}/" if self._platform else f"batches/{batch}/"


def session_view(session: Session, addresses: Addresses) -> dict[str, Any]:
    """Return a session's JSON; what the platform added to `conf` is not shown."""
    asked = session.request
    working = session.app_id is not None
    log = [*session.steps, *([session.reason] if session.reason else [])]
    return {
        "id": session.id,
        "name": asked.name,
        "appId": session.app_id,
        "owner": session.owner or None,
        "proxyUser": asked.proxyUser,
        "state": session.state.value,
        "kind": session.kind.value,
        "appInfo": {
            "driverLogUrl": addresses.log(session) if session.secret_hash else None,
            "sparkUiUrl": addresses.ui(session) if working and session.ui_url else None,
            "executorLogUrls": None,
        },
        "log": log[-LOG_LINES:],
        "ttl": asked.ttl,
        "idleTimeout": asked.idleTimeout,
        "driverMemory": asked.driverMemory,
        "driverCores": asked.driverCores or 0,
        "executorMemory": asked.executorMemory,
        "executorCores": asked.executorCores or 0,
        "conf": asked.conf_texts(),
        "archives": asked.archives or [],
        "files": asked.files or [],
        "heartbeatTimeoutInSecond": asked.heartbeatTimeoutInSecond,
        "jars": asked.jars or [],
        "numExecutors": asked.numExecutors or 0,
        "pyFiles": asked.pyFiles or [],
        "queue": asked.queue,
        "createdAt": session.created.isoformat(timespec="seconds"),
    }


def session_json(session: Session, addresses: Addresses) -> bytes:
    """Return `session_view` as it is sent, made anew when something of it changed: clients poll."""
    parts = (
        *(session.state, session.app_id, session.ui_url, session.secret_hash, session.leader),
        *(session.steps, session.reason, session.request, session.created),
    )
    if session.shown is None or session.shown[0] != parts:
        session.shown = parts, bytes(JSONResponse(session_view(session, addresses)).body)
    return session.shown[1]


def statement_view(statement: Statement) -> dict[str, Any]:
    """Return a statement's JSON; while it runs, `output` is what there is so far."""
    over = statement.state.over
    return {
        "id": statement.id,
        "code": statement.code,
        "state": statement.state.value,
        "output": statement.output if over else outputs.so_far(statement),
        "progress": statement.progress,
        "started": statement.started,
        "completed": statement.completed,
    }
