"""The program of a Jupyter server: its command in the sandbox, its environment, its log."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from hopyard.hub.context import Context
from hopyard.hub.copy import Copy
from hopyard.launchers.limits import Limits
from hopyard.launchers.sandbox import Sandbox
from hopyard.projects.jupyter.models import ServerPlan
from hopyard.projects.repositories import rules
from hopyard.settings import Settings, folder_of

LOGS_KEPT = 10
HOME = "/home/hopyard"
PROJECT = "/project"
KEPT = ("LANG", "LC_ALL", "TZ", "PATH", "JAVA_HOME", "SPARK_HOME", "VIRTUAL_ENV", "PYTHONPATH")


class Program:
    """What is started for a member in a project.

    Args:
        context: the settings and addresses of the platform.
        user: the member.
        project: the project.
        copy: the Git working copy that the server works in; None: in the project's own folder.
    """

    def __init__(self, context: Context, user: str, project: str, copy: Copy | None) -> None:
        self._settings = context.settings
        self._platform = context.platform
        self._user = user
        self._project = project
        self._copy = copy
        self._sandboxed = context.settings.isolation == "sandbox"

    @property
    def home(self) -> Path:
        """The server's home folder on this machine; made where it is missing."""
        home = self._settings.data_dir / "homes" / folder_of(self._user) / self._project
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        return home

    def environment(self, plan: ServerPlan, of_hub: Mapping[str, str]) -> dict[str, str]:
        """Return the whole environment; nothing of the Hub's own gets in.

        Args:
            plan: what the member chose.
            of_hub: what JupyterHub gives its servers.
        """
        env = {name: os.environ[name] for name in KEPT if name in os.environ}
        env |= {n: v for n, v in of_hub.items() if n.startswith(("JUPYTERHUB_", "MEM_"))}
        root = PROJECT if self._sandboxed else str(self._settings.projects_dir / self._project)
        runtime = {"JUPYTER_RUNTIME_DIR": "/tmp/jupyter"} if self._sandboxed else {}  # noqa: S108
        author = rules.author(self._user, self._platform.public_url)
        git = {"HOPYARD_REPOSITORY": self._copy.variable} if self._copy else {}
        return env | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}",
            "HOME": HOME if self._sandboxed else str(self.home),
            "USER": self._user,
            "LOGNAME": self._user,
            "HOPYARD_USER_NAME": author.name,
            "HOPYARD_USER_EMAIL": author.address,
            "SHELL": "/bin/bash",
            "CPU_LIMIT": str(plan.cores),
            "HOPYARD_ROOT_DIR": self._copy.folder if self._copy else f"{root}/Jupyter",
            "HOPYARD_PROJECT": self._project,
            "HOPYARD_PROJECT_DIR": root,
            "HOPYARD_API_URL": f"{self._platform.web_url}api/v1/",
            "HOPYARD_LIVY_URL": self._platform.livy_project_url(self._project),
            "HOPYARD_MODE": plan.mode,
            "HOPYARD_DISK_MB": str(self._settings.limits.disk or ""),
            "HOPYARD_SESSION_CONF": json.dumps(plan.session_request),
            "HOPYARD_DEFAULT_URL": plan.default_url,
            "HOPYARD_WARM": "1" if self._settings.livy.warm else "",
            **git,
            **runtime,
        }

    def limits(self, plan: ServerPlan) -> Limits | None:
        """Make the limits of its memory, processes and log; None without a sandbox."""
        if not self._sandboxed:
            return None
        return Limits.make(self._settings, self._limited, plan.memory_mb * 2**20)

    def forget_limits(self) -> None:
        """Remove them, when it has ended."""
        if self._sandboxed:
            Limits.forget(self._settings, self._limited)

    @property
    def _limited(self) -> str:
        return f"jupyter/{self._user}/{self._project}"

    def command(self, limits: Limits | None) -> list[str]:
        """Return the command, in the sandbox where there is one."""
        command = [sys.executable, "-P", "-m", "hopyard.notebook"]
        if not self._sandboxed:
            return command
        project = self._settings.projects_dir / self._project
        writable, work_dir = {project: PROJECT, self.home: HOME}, f"{PROJECT}/Jupyter"
        if self._copy:
            writable[self._copy.storage] = self._copy.inside
            work_dir = self._copy.folder
        trusted = self._copy.ca_file if self._copy else ""
        readable = (Path(trusted),) if trusted else ()
        return Sandbox(
            writable=writable,
            readable=readable,
            work_dir=work_dir,
            home=HOME,
            tmp_mb=self._settings.limits.tmp,
            limits=limits,
        ).wrap(command)


def new_log(settings: Settings, user: str, project: str) -> Path:
    """Make the log of one run, and delete the oldest ones."""
    folder = settings.user_logs(project, user) / "jupyter"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for old in sorted(folder.glob("*.log"))[: -(LOGS_KEPT - 1)]:
        old.unlink(missing_ok=True)
    new = folder / f"{datetime.now(UTC):%Y%m%dT%H%M%S}.log"
    new.touch(mode=0o600)
    return new


def last_log(settings: Settings, user: str, project: str) -> Path:
    """Return the log of the newest run, of a server that this Hub did not start itself."""
    folder = settings.user_logs(project, user) / "jupyter"
    newest = max(folder.glob("*.log"), default=None)
    return newest or new_log(settings, user, project)


def why(log: Path) -> str:
    """Return why a server ended, from its log, in one sentence."""
    lines = log.read_text(errors="replace").splitlines()[-60:]
    told = [line.strip() for line in lines if line.strip() and not line.startswith((" ", "\t"))]
    if not told:
        return "The Jupyter server ended at its start without a word: see Logs."
    telling = [line for line in told if re.search(r"\w*(Error|Exception)\b|bwrap:", line)]
    return f"The Jupyter server ended at its start: {(telling or told)[-1][:300]}"
