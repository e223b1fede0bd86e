"""Hooks of schemathesis: most requests are for what is there, so that they come far."""

from __future__ import annotations

import random
from typing import Any

import schemathesis

SESSION = BATCH = "fuzzed"


@schemathesis.hook
def map_path_parameters(context: Any, path_parameters: dict[str, Any] | None) -> Any:
    """Name the session that runs, and its first statements and jobs."""
    if path_parameters and random.random() < 0.8:
        if "session" in path_parameters:
            path_parameters["session"] = SESSION
        if "batch" in path_parameters:
            path_parameters["batch"] = BATCH
        for number in ("statement", "job"):
            if isinstance(path_parameters.get(number), int):
                path_parameters[number] %= 4
    return path_parameters


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any = None) -> None:
    """Leave the session and the batch that run alone where they would end, or the answer not."""
    ends = case.method.upper() == "DELETE" or case.operation.path.endswith(("/stop", "/late"))
    for kind in ("session", "batch"):
        if ends and (case.path_parameters or {}).get(kind) in (SESSION, "1", 1):
            case.path_parameters[kind] = random.choice(("other", "99", "0"))
