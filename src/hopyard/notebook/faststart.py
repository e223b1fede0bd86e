"""Keep out of the server's start what the server never uses.

Measured with JupyterLab 4.6.6 and JupyterHub 6.1.1 on two cores: a plain `jupyterhub-singleuser`
spends over 2 s importing. Of that, `rfc3987_syntax` builds a grammar for the IRI formats of JSON
schemas (1.2 s; nothing here has such a field, so it is built when one is first checked);
JupyterHub's client modules import the Hub's own database models, SQLAlchemy and Alembic (0.6 s, for
names that only the Hub uses); JupyterLab imports its PyPI extension manager (0.1 s, never used:
the environment is read-only). JupyterLab also calls `node yarn.js config` to learn which npm
registry `jupyter lab build` should use (0.4 s; a server here never builds).

`prepare` must run before the first import of jupyterhub, jupyter_server or jsonschema.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any

IRI = "rfc3987_syntax"


def _nothing(*arguments: Any, **named: Any) -> None:
    """Stand in for a function whose work is not wanted here."""


HUB_ONLY: dict[str, dict[str, Any]] = {
    "sqlalchemy": {},
    "sqlalchemy.exc": {"SQLAlchemyError": type("SQLAlchemyError", (Exception,), {})},
    "jupyterhub.orm": {},
    "jupyterhub.roles": {},
    "jupyterhub.metrics": {"prometheus_log_method": _nothing},
    "jupyterhub.handlers": {"__path__": []},
    "jupyterhub.handlers.pages": {"HealthCheckHandler": type("HealthCheckHandler", (), {})},
}
"""What JupyterHub's client modules import and a server never calls, and what stands in for it."""

BUILD_ONLY: dict[str, dict[str, Any]] = {
    "jupyterlab.extensions.pypi": {"PyPIExtensionManager": type("PyPIExtensionManager", (), {})},
}


def prepare() -> None:
    """Apply all of it to this process."""
    _late_iri_grammar()
    with stand_ins(HUB_ONLY):
        for name in ("utils", "log", "scopes"):
            importlib.import_module(f"jupyterhub.{name}")
    with stand_ins(BUILD_ONLY):
        commands = importlib.import_module("jupyterlab.commands")
        importlib.import_module("jupyterlab.extensions")
    vars(commands)["_yarn_config"] = lambda logger: {"yarn config": {}, "npm config": {}}


@contextmanager
def stand_ins(modules: Mapping[str, Mapping[str, Any]]) -> Iterator[None]:
    """Put modules in the place of others, for the imports made inside only.

    Afterwards they are gone: who imports one of these names later gets the real module.
    """
    mine = {name: ModuleType(name) for name in modules if name not in sys.modules}
    for name, module in mine.items():
        vars(module).update(modules[name])
    sys.modules.update(mine)
    try:
        yield
    finally:
        for name, module in mine.items():
            del sys.modules[name]
            parent, _, child = name.rpartition(".")
            if parent in sys.modules and vars(sys.modules[parent]).get(child) is module:
                delattr(sys.modules[parent], child)


def _late_iri_grammar() -> None:
    if IRI in sys.modules or importlib.util.find_spec(IRI) is None:
        return
    stand_in = ModuleType(IRI)

    def is_valid_syntax(*arguments: Any, **named: Any) -> Any:
        """Import the real module at the first use, then hand over to it."""
        if sys.modules.get(IRI) is stand_in:
            del sys.modules[IRI]
        return importlib.import_module(IRI).is_valid_syntax(*arguments, **named)

    vars(stand_in)["is_valid_syntax"] = is_valid_syntax
    sys.modules[IRI] = stand_in
