"""Which launcher starts drivers: the one place that knows which masters can be used.

YARN and Kubernetes come as launchers of the same contract; until then they are refused in words.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from hopyard.errors import SetupError
from hopyard.launchers.base import Launcher
from hopyard.settings import Settings

_HERE = re.compile(r"local(\[[^\[\]]+\])?")
_STANDALONE = re.compile(r"spark://[^\s/,]+(,[^\s/,]+)*")
_COMING = ("yarn", "k8s://")
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def refusal(master: str) -> str | None:
    """Return why a driver cannot be started for a Spark master, or None if it can."""
    if _HERE.fullmatch(master) or _STANDALONE.fullmatch(master):
        return None
    why = "cannot be used yet" if master.startswith(_COMING) else "is no Spark master known here"
    return f"{master!r} {why}: use local[*], local[N] or spark://HOST:PORT"


def one_process(master: str) -> bool:
    """Say whether the executors of an application are in its driver's process."""
    return _HERE.fullmatch(master) is not None


def on_loopback(master: str) -> bool:
    """Say whether all of an application is on this machine, so that nothing else need reach it."""
    if one_process(master):
        return True
    addresses = master.removeprefix("spark://").split(",")
    return all(urlsplit(f"//{one}").hostname in LOOPBACK for one in addresses)


def launcher(settings: Settings) -> Launcher:
    """Return the launcher for the master in the settings.

    Raises:
        SetupError: there is none, with what can be set instead.
    """
    from hopyard.launchers.local import LocalLauncher

    fault = refusal(settings.spark_conf.get("spark.master", settings.spark_master))
    if fault is not None:
        raise SetupError(f"spark_master = {fault}.")
    return LocalLauncher(settings)
