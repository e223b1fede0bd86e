"""Sparkmagic, imported without what our kernels never use, and configured from the environment.

Of the 1.2 s that `import sparkmagic.kernels` takes, 0.2 s are jupyter_server (for a server
extension), 0.2 s Kerberos, 0.5 s pandas (which only `%%sql` and `-o` need: it is loaded when they
are first used) and the rest widgets that are drawn for a session manager.

Sparkmagic reads `~/.sparkmagic/config.json` and writes its logs there. Here it does neither: its
configuration is made by `configure`, in memory, and holds no secret.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import logging
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hopyard.notebook.faststart import stand_ins
from hopyard.notebook.kernels.language import Language

START_SECONDS = 330
"""A little more than the Livy server's own limit, so that its reason is the one that is shown."""
HEARTBEAT_SECONDS = 120
"""The Livy server ends a session after this long without a sign of life of its kernel."""


def _nothing(*arguments: Any, **named: Any) -> None:
    """Stand in for a function whose work is not wanted here."""


def _any_class(name: str) -> type:
    if name.startswith("__"):
        raise AttributeError(name)
    return object


NOT_NEEDED: dict[str, dict[str, Any]] = {
    "nest_asyncio": {"apply": _nothing},
    "requests_kerberos": {"REQUIRED": 1},
    "ipywidgets": {"__getattr__": _any_class, "__path__": []},
    "ipywidgets.widgets": {"__getattr__": _any_class},
    "sparkmagic.serverextension.handlers": {"load_jupyter_server_extension": _nothing},
    "sparkmagic.magics.remotesparkmagics": {},
}


def load() -> None:
    """Import sparkmagic; to be called before anything else imports it."""
    for name in ("numpy", "pandas"):
        _import_late(name)
    with stand_ins(NOT_NEEDED):
        importlib.import_module("sparkmagic.kernels.wrapperkernel.sparkkernelbase")
    log = importlib.import_module("hdijupyterutils.log")

    def quiet(self: Any, logger_name: str, logging_config: Any, caller_name: str) -> None:
        # The original sets up Python's logging anew, for each object that has a log.
        self._caller_name = caller_name
        self.logger_name = logger_name
        self.logger = logging.getLogger(logger_name)

    log.Log.__init__ = quiet
    logging.getLogger("magicsLogger").addHandler(logging.NullHandler())
    logging.getLogger("magicsLogger").propagate = False


def _import_late(name: str) -> None:
    """Let a module be loaded when one of its attributes is first used."""
    if name in sys.modules:
        return
    spec = importlib.util.find_spec(name)
    if spec is None or spec.loader is None:
        return
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)


def configure(environment: Mapping[str, str], language: Language) -> None:
    """Give sparkmagic its configuration, for a kernel of one language.

    Read from the environment: `HOPYARD_LIVY_URL`, `HOPYARD_SESSION_CONF` (the body of POST
    /sessions as JSON), `HOPYARD_PROJECT` and `JPY_SESSION_NAME` (for the application's name).
    """
    configuration = importlib.import_module("sparkmagic.utils.configuration")
    configuration.override_all(settings(environment, language.title, "HubToken"))


def settings(environment: Mapping[str, str], title: str, sign_in: str) -> dict[str, Any]:
    """Return sparkmagic's configuration; `sign_in` names a class of `token.py`."""
    credentials = {
        "username": "",
        "password": "",
        "url": environment.get("HOPYARD_LIVY_URL", "http://127.0.0.1:8998"),
        "auth": "Hub",
    }
    return {
        **{f"kernel_{name}_credentials": credentials for name in ("python", "scala", "r")},
        "authenticators": {"Hub": f"hopyard.notebook.kernels.token.{sign_in}"},
        "session_configs_defaults": session_request(environment, title),
        "livy_session_startup_timeout_seconds": START_SECONDS,
        "livy_server_heartbeat_timeout_seconds": HEARTBEAT_SECONDS,
        "heartbeat_refresh_seconds": HEARTBEAT_SECONDS / 4,
        "heartbeat_retry_seconds": 5,
        # Raised, so that the cell fails and Run All stops; else they are only printed.
        "all_errors_are_fatal": True,
        "use_auto_viz": False,
    }


def write_for_notebooks(environment: Mapping[str, str], folder: Path) -> None:
    """Write sparkmagic's configuration file, for `%load_ext sparkmagic.magics` in Python."""
    own = settings(environment, "Python", "HubTokenInNotebook")
    quiet = {"version": 1, "loggers": {"magicsLogger": {"handlers": [], "propagate": 0}}}
    # The request as a whole: it is the form of the widget too.
    request = {"session_configs": own.pop("session_configs_defaults")}
    content = own | request | {"logging_config": quiet}
    (folder / "config.json").write_text(json.dumps(content, indent=1))


def session_request(environment: Mapping[str, str], title: str) -> dict[str, Any]:
    """Return the body of POST /sessions, without its unique name and its kind."""
    request: dict[str, Any] = json.loads(environment.get("HOPYARD_SESSION_CONF") or "{}")
    conf = dict(request.get("conf") or {})
    conf.setdefault("spark.app.name", application_name(environment, title))
    return {**request, "conf": conf}


def application_name(environment: Mapping[str, str], title: str) -> str:
    """Return `PROJECT: NOTEBOOK`; where there is neither, the kernel's name."""
    notebook = environment.get("JPY_SESSION_NAME", "").replace("\\", "/").rpartition("/")[2]
    names = (environment.get("HOPYARD_PROJECT", ""), notebook.removesuffix(".ipynb"))
    return ": ".join(name for name in names if name) or title
