"""What a Spark application may ask for, by whatever way: the one check of sizes and numbers.

The field of a request, `conf`, `%%configure`, the Jupyter page's *More Spark properties*: each
becomes Spark properties, and those are what is looked at here, read as Spark reads them. What the
administrator's own `spark_conf` says is not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hopyard.settings import Limits

DEFAULT_MEMORY = 1024.0
"""Spark's own for a driver's and an executor's heap, in MB."""
DYNAMIC = "spark.dynamicAllocation.enabled"
DYNAMIC_MAXIMUM = "spark.dynamicAllocation.maxExecutors"

_UNITS = {"": 1, "b": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40, "p": 2**50}
_SIZE = re.compile(r"([0-9]{1,20})(?:([bkmgtp]?)|([kmgtp])b)", re.IGNORECASE | re.ASCII)
_NUMBER = re.compile(r"\+?([0-9]{1,20})", re.ASCII)
_FACTOR = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?", re.ASCII)

_CORES = ("spark.driver.cores", "spark.executor.cores")
_EXECUTORS = (
    "spark.executor.instances",
    *(
        f"spark.{streaming}dynamicAllocation.{which}Executors"
        for streaming in ("", "streaming.")
        for which in ("min", "initial", "max")
    ),
)
_TOTAL_CORES = ("spark.cores.max",)
_HEAPS = ("spark.driver.memory", "spark.executor.memory")
_OFF_HEAP = ("spark.memory.offHeap.size",)
_BESIDE = {
    "driver": (
        "spark.driver.memoryOverhead",
        "spark.driver.minMemoryOverhead",
        "spark.yarn.driver.memoryOverhead",
    ),
    "executor": (
        "spark.executor.memoryOverhead",
        "spark.executor.minMemoryOverhead",
        "spark.yarn.executor.memoryOverhead",
        "spark.executor.pyspark.memory",
    ),
}
"""What counts beside the heap; the names with `yarn` are older ones that Spark still reads."""

_JAVA_OPTIONS = re.compile(
    r"spark\..*JavaOptions|spark\.(executorEnv|yarn\.appMasterEnv)\..*JAVA_?(TOOL_)?(OPTIONS|OPTS)",
    re.IGNORECASE,
)
_JAVA_FORBIDDEN = re.compile(
    r"(?:^|[\s'\"])(-X?m[xs](?=[0-9])|-XX:(?:\w*HeapSize|\w*RAM|Flags=|VMOptionsFile=)|-Dspark\.|@)",
    re.IGNORECASE,
)
_LOCAL = re.compile(r"local\[\s*([0-9]{1,20})\s*(?:,\s*[0-9]{1,9}\s*)?\]", re.ASCII)
_LOCAL_ALL = re.compile(r"local(\[\s*\*\s*(,\s*[0-9]{1,9}\s*)?\])?", re.ASCII)

Fault = tuple[str, str]
"""The property, and one sentence that says what is allowed."""


def megabytes(size: str, unit: str = "m") -> float | None:
    """Return a size as Spark reads it, in MB; None where it reads none.

    Args:
        size: such as `2g`, `2048m`, `2048`.
        unit: of a number that has none.
    """
    found = _SIZE.fullmatch(size.strip())
    if found is None:
        return None
    named = (found[2] or found[3] or "").lower()
    return int(found[1]) * _UNITS[named or unit] / 2**20


def fault(asked: Mapping[str, str], limits: Limits) -> Fault | None:
    """Return the first property that is beyond the limits, or nothing that Spark understands.

    Args:
        asked: the properties that a person asks for.
        limits: what is allowed.
    """
    return next(_faults(asked, limits), None)


def bounded(conf: dict[str, str], limits: Limits) -> None:
    """Give dynamic allocation its upper bound, which Spark's own default does not have."""
    if conf.get(DYNAMIC, "").strip().lower() == "true":
        conf.setdefault(DYNAMIC_MAXIMUM, str(limits.executors_max))


def _faults(asked: Mapping[str, str], limits: Limits) -> Iterator[Fault]:
    total = limits.cores_max * limits.executors_max
    for keys, most in (
        (_CORES, limits.cores_max),
        (_EXECUTORS, limits.executors_max),
        (_TOTAL_CORES, total),
    ):
        yield from _each(asked, keys, partial(_number_fault, most=most))
    yield from _each(asked, _HEAPS, lambda value: _heap_fault(value, limits))
    beside = (*_BESIDE["driver"], *_BESIDE["executor"])
    yield from _each(asked, beside, lambda value: _size_fault(value, "m", limits))
    yield from _each(asked, _OFF_HEAP, lambda value: _size_fault(value, "b", limits))
    for who in _BESIDE:
        yield from _factor_faults(asked, who)
        together = _together(asked, who)
        if together > limits.memory_max:
            yield (
                f"spark.{who}.memory",
                f"with what is asked for beside it (overhead, off-heap, Python) {together:.0f} MB, "
                f"at most {limits.memory_max} MB are allowed",
            )
    yield from _each(asked, ("spark.master",), lambda value: _master_fault(value, limits))
    options = [key for key in asked if _JAVA_OPTIONS.fullmatch(key)]
    yield from _each(asked, options, _options_fault)


def _each(
    asked: Mapping[str, str],
    keys: tuple[str, ...] | list[str],
    look: Callable[[str], str | None],
) -> Iterator[Fault]:
    for key in keys:
        if key in asked and (why := look(asked[key])):
            yield key, why


def _number_fault(value: str, *, most: int) -> str | None:
    found = _NUMBER.fullmatch(value.strip())
    if found is None:
        return f"a whole number, at most {most}, is expected"
    return f"at most {most} are allowed" if int(found[1]) > most else None


def _size_fault(value: str, unit: str, limits: Limits) -> str | None:
    size = megabytes(value, unit)
    if size is None:
        return "a size such as 512m or 2g is expected"
    return f"at most {limits.memory_max} MB are allowed" if size > limits.memory_max else None


def _heap_fault(value: str, limits: Limits) -> str | None:
    size = megabytes(value)
    least = limits.memory_min // 4
    if size is None or least <= size <= limits.memory_max:
        return _size_fault(value, "m", limits)
    return f"at most {limits.memory_max} MB and at least {least} MB are allowed"


def _factor_faults(asked: Mapping[str, str], who: str) -> Iterator[Fault]:
    key = f"spark.{who}.memoryOverheadFactor"
    if key in asked and not _FACTOR.fullmatch(asked[key].strip()):
        yield key, "a number such as 0.1 is expected"


def _together(asked: Mapping[str, str], who: str) -> float:
    """Return the memory that is asked for of one driver or executor, in MB."""
    heap = megabytes(asked.get(f"spark.{who}.memory", "0")) or 0.0
    factor = asked.get(f"spark.{who}.memoryOverheadFactor", "0")
    overhead = float(factor) * (heap or DEFAULT_MEMORY) if _FACTOR.fullmatch(factor.strip()) else 0
    *overheads, last = (megabytes(asked.get(key, "0")) or 0.0 for key in _BESIDE[who])
    if who == "driver":
        overheads, last = [*overheads, last], 0.0
    beside = max(overhead, *overheads) + last
    return heap + beside + sum(megabytes(asked.get(key, "0"), "b") or 0.0 for key in _OFF_HEAP)


def _master_fault(value: str, limits: Limits) -> str | None:
    if not value.startswith("local") or _LOCAL_ALL.fullmatch(value):
        return None
    found = _LOCAL.fullmatch(value)
    if found is None or not 0 < int(found[1]) <= limits.cores_max:
        return f"local[*] or local[N] is expected, with N at most {limits.cores_max}"
    return None


def _options_fault(value: str) -> str | None:
    found = _JAVA_FORBIDDEN.search(value)
    if found is None:
        return None
    return (
        f"{found[1]} is not allowed here: memory and Spark's properties have properties of their "
        "own (spark.driver.memory, spark.executor.memory, …)"
    )
