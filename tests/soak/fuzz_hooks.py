"""Hooks of schemathesis: most requests are for what is there, so that they come far."""

from __future__ import annotations

import random
from typing import Any

import schemathesis

SESSION = "fuzzed"


@schemathesis.hook
def map_path_parameters(context: Any, path_parameters: dict[str, Any] | None) -> Any:
    """Name the session that runs, and its first statements and jobs."""
    if path_parameters and random.random() < 0.8:
        if "session" in path_parameters:
            path_parameters["session"] = SESSION
        for number in ("statement", "job"):
            if isinstance(path_parameters.get(number), int):
                path_parameters[number] %= 4
    return path_parameters


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any = None) -> None:
    """Leave the session that runs alone where it would end."""
    ends = case.method.upper() == "DELETE" or case.operation.path.endswith("/stop")
    if ends and (case.path_parameters or {}).get("session") in (SESSION, "1", 1):
        case.path_parameters["session"] = random.choice(("other", "99", "0"))
