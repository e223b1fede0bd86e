"""The Jupyter server's configuration, in code: no file that a user can write is needed for it.

What it reads from its environment, beside JupyterHub's own `JUPYTERHUB_*`:

| variable | meaning |
| --- | --- |
| `HOPYARD_MODE` | `python` or `spark`: which kernels are offered |
| `HOPYARD_ROOT_DIR` | the folder shown; `/project/Jupyter` by default |
| `HOPYARD_DEFAULT_URL` | `/lab` or `/nbclassic/tree` |
| `HOPYARD_PROJECT`, `HOPYARD_LIVY_URL`, `HOPYARD_SESSION_CONF` | handed on to the Spark kernels |
| `HOPYARD_DISK_MB` | MB that the project's files may take; empty: no limit |
| `HOPYARD_WARM` | not empty: a Spark driver is asked for before the first cell |
| `HOPYARD_REPOSITORY` | the repository, as JSON (`git/configuration.py`); absent: Git is off |
| `HOPYARD_USER_NAME`, `HOPYARD_USER_EMAIL` | who the commits made here are by |
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jupyter_server.serverapp import ServerApp
from jupyterhub.singleuser.extension import JupyterHubSingleUser
from traitlets.config import Config

from hopyard import handed, packages
from hopyard.notebook import signin
from hopyard.notebook.git.configuration import SOCKET, Repository, variables
from hopyard.notebook.kernels.sparkmagic import write_for_notebooks

ROOT_DIR = "/project/Jupyter"
SHARE = Path(__file__).parent / "share" / "jupyter"
"""A Jupyter data folder (kernelspecs, Lab extensions): named by JUPYTER_PATH, copied nowhere."""
CONFIG = Path(__file__).parent / "share" / "config"
"""A Jupyter configuration folder: what Lab's own settings start with (it asks about no news)."""
WITHOUT_GIT = Path(__file__).parent / "share" / "config-without-git"
"""The same for a server where Git is off: Lab shows nothing of it."""
SPARK_KERNELS = ("pyspark", "spark", "sparkr")
EXTENSIONS = {
    "jupyterlab": True,
    "nbclassic": True,
    "notebook": True,
    "jupyter_server_terminals": True,
    "hopyard.notebook.extension": True,
    "hopyard.notebook.bodies": True,
    "hopyard.notebook.recorder": True,
    "hopyard.notebook.timeleft": True,
    # Found on the Python path and not wanted: their start costs more than they give here.
    "sparkmagic": False,
    "jupyter_lsp": False,
    "notebook_shim": False,
}
GIT_EXTENSIONS = (
    "jupyterlab_git",
    "nbdime",
    "hopyard.notebook.git.key",
    "hopyard.notebook.git.notice",
)
"""Loaded where Git is on: elsewhere the server starts without the 80 ms that they take."""


def configuration(environment: Mapping[str, str]) -> Config:
    """Return what the server is told, from the environment that the Hub started it with."""
    spark = environment.get("HOPYARD_MODE") == "spark"
    kernels = {"python3", *(SPARK_KERNELS if spark else ())}
    config = Config()
    config.ServerApp.jpserver_extensions = dict(EXTENSIONS)
    if spark:
        config.ServerApp.jpserver_extensions["hopyard.notebook.warm"] = True
    git = Repository.of(environment) is not None
    config.ServerApp.jpserver_extensions.update(dict.fromkeys(GIT_EXTENSIONS, git))
    config.ServerApp.root_dir = environment.get("HOPYARD_ROOT_DIR", ROOT_DIR)
    config.ServerApp.default_url = environment.get("HOPYARD_DEFAULT_URL", "/lab")
    config.ServerApp.allow_root = True  # in the sandbox there is nobody else
    config.ServerApp.terminals_enabled = True
    recorder = "hopyard.notebook.recorder"
    config.ServerApp.kernel_manager_class = f"{recorder}.kernels.Kernels"
    config.ServerApp.kernel_websocket_connection_class = f"{recorder}.connection.Connection"
    config.ServerApp.contents_manager_class = f"{recorder}.contents.Contents"
    # What is in the trash counts, and nobody can empty it in the browser.
    config.FileContentsManager.delete_to_trash = not environment.get("HOPYARD_DISK_MB")
    config.KernelSpecManager.allowed_kernelspecs = kernels
    # Over TCP whoever is on this machine could subscribe to a kernel's output.
    config.KernelManager.transport = "ipc"
    config.MultiKernelManager.default_kernel_name = "pyspark" if spark else "python3"
    config.LabApp.extension_manager = "readonly"
    config.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
    config.LabApp.news_url = None
    config.NotebookApp.show_banner = False
    return config


class HandedServerApp(ServerApp):  # type: ignore[misc]
    """A Jupyter server on the socket that the Hub made for it."""

    def _find_http_port(self) -> None:
        """Look for no port: the socket is there already."""

    def _bind_http_server_tcp(self) -> bool:
        listening = handed.take(self.port)
        if listening is None:
            return bool(super()._bind_http_server_tcp())
        listening.setblocking(False)
        self.http_server.add_socket(listening)
        return True


class Server(JupyterHubSingleUser):  # type: ignore[misc]
    """JupyterHub's single-user server with our configuration."""

    serverapp_class = HandedServerApp

    @classmethod
    def get_extension_package(cls) -> str:
        """Name JupyterHub's extension as the one that starts the server: it signs people in."""
        return "jupyterhub"

    @classmethod
    def make_serverapp(cls, **arguments: Any) -> Any:
        """Make the server and configure it before it reads any file."""
        serverapp = super().make_serverapp(**arguments)
        config = configuration(os.environ)
        config.ServerApp.jpserver_extensions.update(serverapp.jpserver_extensions)
        serverapp.update_config(config)
        return serverapp


def main() -> None:
    """Run the server until the Hub, or its own watchdog, ends it."""
    signin.install()
    repository = Repository.of(os.environ)
    config = [CONFIG] if repository else [WITHOUT_GIT, CONFIG]
    for variable, folders in (("JUPYTER_PATH", [SHARE]), ("JUPYTER_CONFIG_PATH", config)):
        others = os.environ.get(variable)
        os.environ[variable] = os.pathsep.join(filter(None, [*map(str, folders), others]))
    # A short path of its own: the kernels' sockets are in it, and their paths may have 107 letters.
    with tempfile.TemporaryDirectory(prefix="hopyard-", ignore_cleanup_errors=True) as runtime:
        os.environ["JUPYTER_RUNTIME_DIR"] = runtime
        os.environ |= variables(os.environ, repository, Path(runtime) / SOCKET)
        os.environ |= packages.make(Path(runtime) / "packages")
        if os.environ.get("HOPYARD_MODE") == "spark":
            write_for_notebooks(os.environ, Path(runtime))
            os.environ["SPARKMAGIC_CONF_DIR"] = runtime
        Server.launch_instance()
