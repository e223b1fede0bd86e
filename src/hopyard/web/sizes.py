"""What a Spark application really has: Spark says it, not the form that asked for it.

With `local[*]` driver and executors are one process; on a cluster there may be fewer executors than
were asked for, and with dynamic allocation their number changes.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any

import httpx

KEEP_SECONDS = 10.0
PATIENCE = 0.5
DEFAULT_MEMORY = "1g"
"""Spark's own default, of a driver and of an executor."""


@dataclass(frozen=True)
class Size:
    """Memory and cores, in words."""

    memory: str
    cores: str


UNKNOWN = Size("…", "…")


class Sizes:
    """Asks the Spark UIs of running applications, and remembers the answers for seconds."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, Size]] = {}
        self._asking: dict[str, asyncio.Task[None]] = {}

    async def of(
        self, model: Mapping[str, Any], http: httpx.AsyncClient, url: str, token: str
    ) -> Size:
        """Return what an application has, or what was asked for where Spark does not say it.

        A page waits a moment for an answer that is under way, and shows what was known last.

        Args:
            model: the session as livy shows it.
            http: the connection to livy.
            url: the session's address there.
            token: whose it is.
        """
        application = model.get("appId")
        if not application:
            return Size("–", "–")
        at, _ = self._known.get(application, (-math.inf, UNKNOWN))
        if monotonic() - at > KEEP_SECONDS:
            # A request that is broken off leaves a trace in the driver's log: it goes on.
            if application not in self._asking:
                asking = asyncio.create_task(self._ask(application, model, http, url, token))
                self._asking[application] = asking
            await asyncio.wait({self._asking[application]}, timeout=PATIENCE)
        return self._known.get(application, (0.0, UNKNOWN))[1]

    async def _ask(
        self,
        application: str,
        model: Mapping[str, Any],
        http: httpx.AsyncClient,
        url: str,
        token: str,
    ) -> None:
        try:
            answer = await http.get(
                f"{url}/ui/api/v1/applications/{application}/executors",
                headers={"Authorization": f"Bearer {token}"},
            )
            size = said(model, answer.json())
        except (httpx.HTTPError, ValueError, LookupError, TypeError):
            size = self._known.get(application, (0.0, asked(model)))[1]  # no UI, or none now
        finally:
            del self._asking[application]
        young = monotonic() - 60 * KEEP_SECONDS
        self._known = {key: one for key, one in self._known.items() if one[0] > young}
        self._known[application] = monotonic(), size

    async def close(self) -> None:
        """End what is still being asked."""
        tasks = list(self._asking.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def said(model: Mapping[str, Any], executors: list[dict[str, Any]]) -> Size:
    """Return what Spark's list of executors says; the driver is one of them."""
    (driver,) = [one for one in executors if one["id"] == "driver"]
    others = [one for one in executors if one["id"] != "driver"]
    memory = in_words(_property(model, "driver", "memory"))
    if not others and driver["totalCores"]:  # one process: it has the cores itself
        return Size(memory, str(driver["totalCores"]))
    each = in_words(_property(model, "executor", "memory"))
    cores = max((one["totalCores"] for one in others), default=model.get("executorCores") or 1)
    return Size(
        f"{memory} + {len(others)} × {each}",
        f"{model.get('driverCores') or 1} + {len(others)} × {cores}",
    )


def asked(model: Mapping[str, Any]) -> Size:
    """Return what a session was started with, said to be that."""
    number = model.get("numExecutors")
    times = f"{number} × " if number else ""
    memory = in_words(_property(model, "driver", "memory"))
    each = in_words(_property(model, "executor", "memory"))
    cores, of_each = model.get("driverCores") or 1, model.get("executorCores") or 1
    return Size(f"asked: {memory} + {times}{each}", f"asked: {cores} + {times}{of_each}")


def _property(model: Mapping[str, Any], part: str, what: str) -> str:
    conf = model.get("conf") or {}
    return str(conf.get(f"spark.{part}.{what}") or model.get(f"{part}Memory") or DEFAULT_MEMORY)


def in_words(text: str) -> str:
    """Show `2048m` as `2 GB`."""
    number, unit = text[:-1], text[-1:].lower()
    if unit == "m" and number.isdigit() and int(number) % 1024 == 0:
        return f"{int(number) // 1024} GB"
    if unit in ("m", "g") and number.isdigit():
        return f"{number} {unit.upper()}B"
    return text
