"""What the settings of a Jupyter server may be, and what they become for Spark."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from hopyard.errors import InvalidForm
from hopyard.projects.jupyter.models import JupyterSettings
from hopyard.protocol import properties, resources
from hopyard.settings import Limits

# Properties that have a field of their own, where the limits are checked.
FIELDS_OF = {
    "spark.driver.memory": "Driver memory",
    "spark.driver.cores": "Driver cores",
    "spark.executor.memory": "Executor memory",
    "spark.executor.cores": "Executor cores",
    "spark.executor.instances": "Executors",
    "spark.dynamicAllocation.enabled": "Static or Dynamic",
    "spark.dynamicAllocation.minExecutors": "Minimum executors",
    "spark.dynamicAllocation.maxExecutors": "Maximum executors",
    "spark.dynamicAllocation.initialExecutors": "Minimum executors",
}
PROPERTIES_MAX = 20_000
_PYTHON = ("memory", "cores")
_SPARK = ("driver_memory", "driver_cores", "executor_memory", "executor_cores")


def defaults(limits: Limits) -> JupyterSettings:
    """Return what a member starts with."""
    return JupyterSettings(
        memory=limits.driver_memory_default,
        driver_memory=limits.driver_memory_default,
        executor_memory=limits.executor_memory_default,
        hours=limits.hours_default,
    )


def ranges(limits: Limits) -> dict[str, tuple[int, int, str]]:
    """Return for each number its least and greatest value and its unit."""
    memory = (limits.memory_min, limits.memory_max, " MB")
    cores = (1, limits.cores_max, "")
    return {
        "memory": memory,
        "cores": cores,
        "driver_memory": memory,
        "driver_cores": cores,
        "executor_memory": memory,
        "executor_cores": cores,
        "executors": (1, limits.executors_max, ""),
        "executors_min": (0, limits.executors_max, ""),
        "executors_max": (1, limits.executors_max, ""),
    }


def used_numbers(mode: Any, allocation: Any) -> tuple[str, ...]:
    """Return the number fields that count in a mode; the others are not looked at."""
    if mode != "spark":
        return _PYTHON
    if allocation == "dynamic":
        return (*_SPARK, "executors_min", "executors_max")
    return (*_SPARK, "executors")


def read(raw: Mapping[str, Any], base: JupyterSettings, limits: Limits) -> JupyterSettings:
    """Return the settings that a form or a JSON body asks for, on top of those there are.

    A wrong value in a field of another mode is dropped: it is not seen and does not count.

    Raises:
        InvalidForm: a value is wrong; for each its field and what is allowed.
    """
    wanted = {**base.model_dump(), **raw}
    counts = used_numbers(wanted.get("mode"), wanted.get("allocation"))
    faults: dict[str, str] = {}
    for name, (least, most, unit) in ranges(limits).items():
        number = _whole(wanted[name])
        if number is not None and least <= number <= most:
            wanted[name] = number
        elif name in counts:
            faults[name] = f"A whole number from {least} to {most}{unit}."
        else:
            wanted[name] = getattr(base, name)
    dynamic = "executors_min" in counts and not {"executors_min", "executors_max"} & set(faults)
    if dynamic and wanted["executors_max"] < wanted["executors_min"]:
        faults["executors_max"] = f"At least the minimum, {wanted['executors_min']}."
    wanted["hours"], fault = _hours(wanted["hours"], limits)
    if fault:
        faults["hours"] = fault
    wanted["properties"] = str(wanted["properties"] or "").replace("\r\n", "\n")
    if fault := _properties_fault(wanted["properties"]):
        faults["properties"] = fault
    try:
        settings = JupyterSettings.model_validate({k: v for k, v in wanted.items()})
        if not faults and (fault := _beyond(settings, limits)):
            faults["properties"] = fault
    except ValidationError as error:
        for one in error.errors(include_input=False):
            field = ".".join(map(str, one["loc"]))
            faults.setdefault(field, _sentence(one))
    if faults:
        raise InvalidForm(faults)
    return settings


def after_restart(started_with: JupyterSettings, chosen: JupyterSettings) -> list[str]:
    """Return in words which settings a running Jupyter server does not have yet."""
    names = ["mode", *(_PYTHON if chosen.mode == "python" else ())]
    return [name for name in names if getattr(started_with, name) != getattr(chosen, name)]


def session_request(settings: JupyterSettings) -> dict[str, Any]:
    """Return the body of Livy's `POST /sessions` that the settings ask for.

    The mode does not count: it is the Jupyter server's, and changes with its next start. The
    application's name and the place of its logs are the Livy server's to add.
    """
    request: dict[str, Any] = {
        "driverMemory": f"{settings.driver_memory}m",
        "driverCores": settings.driver_cores,
        "executorMemory": f"{settings.executor_memory}m",
        "executorCores": settings.executor_cores,
    }
    conf: dict[str, str] = {"spark.log.level": settings.log_level}
    if settings.allocation == "static":
        request["numExecutors"] = settings.executors
        conf["spark.dynamicAllocation.enabled"] = "false"
    else:
        conf |= {
            "spark.dynamicAllocation.enabled": "true",
            "spark.dynamicAllocation.minExecutors": str(settings.executors_min),
            "spark.dynamicAllocation.maxExecutors": str(settings.executors_max),
            "spark.dynamicAllocation.initialExecutors": str(settings.executors_min),
            "spark.dynamicAllocation.shuffleTracking.enabled": "true",
        }
    request["conf"] = conf | properties.parse(settings.properties)
    return request


def _whole(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    try:
        return int(str(value).strip())
    except ValueError:
        return None


def _hours(value: Any, limits: Limits) -> tuple[int | None, str | None]:
    allowed = ", ".join(map(str, limits.hours))
    if value in (None, "", "none"):
        if limits.unlimited_hours:
            return None, None
        return None, f"One of {allowed} hours; the administrator does not allow no limit."
    number = _whole(value)
    if number is None or number not in limits.hours:
        return None, f"One of {allowed} hours" + (
            ", or no limit." if limits.unlimited_hours else "."
        )
    return number, None


def _properties_fault(text: str) -> str | None:
    if len(text) > PROPERTIES_MAX:
        return f"At most {PROPERTIES_MAX} characters."
    try:
        wanted = properties.parse(text)
    except ValueError as error:
        return str(error)
    for name, value in wanted.items():
        if reason := properties.refusal(name):
            return f"{name} cannot be set here: {reason}."
        if reason := properties.value_fault(name, value):
            return f"{name} {reason}."
        if field := FIELDS_OF.get(name):
            return f"{name} has a field of its own: use {field}."
    return None


def _beyond(settings: JupyterSettings, limits: Limits) -> str | None:
    """Say what the properties ask for beyond the limits, together with the fields."""
    asked = session_request(settings)
    fields = {
        "spark.driver.memory": "driverMemory",
        "spark.executor.memory": "executorMemory",
    }
    wanted = {key: str(asked[field]) for key, field in fields.items() if field in asked}
    found = resources.fault(wanted | asked.get("conf", {}), limits)
    return f"{found[0]}: {found[1]}." if found else None


def _sentence(fault: Any) -> str:
    if fault["type"] == "extra_forbidden":
        return f"Not a setting. Known: {', '.join(JupyterSettings.model_fields)}."
    if fault["type"] == "literal_error":
        return f"One of {fault['ctx']['expected']}."
    return f"{fault['msg']}."
