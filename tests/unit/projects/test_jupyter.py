from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from hopyard.errors import Conflict, InvalidForm, NotFound
from hopyard.projects.jupyter import rules
from hopyard.projects.jupyter.models import JupyterSettings, ServerState
from hopyard.projects.jupyter.service import Jupyter
from hopyard.projects.members.service import Projects
from hopyard.settings import Limits
from hopyard.store.types import now

LIMITS = Limits()
BASE = rules.defaults(LIMITS)


@pytest.mark.parametrize(
    ("raw", "field", "allowed"),
    [
        ({"memory": "12"}, "memory", "1024 to 65536 MB"),
        ({"memory": "lots"}, "memory", "1024 to 65536 MB"),
        ({"cores": 0}, "cores", "1 to 64"),
        ({"mode": "spark", "driver_memory": 1023}, "driver_memory", "1024"),
        ({"mode": "spark", "executors": 101}, "executors", "1 to 100"),
        ({"mode": "spark", "allocation": "dynamic", "executors_max": 0}, "executors_max", "1 to"),
        (
            {
                "mode": "spark",
                "allocation": "dynamic",
                "executors_min": "3",
                "executors_max": "2",
            },
            "executors_max",
            "At least the minimum, 3",
        ),
        ({"hours": 5}, "hours", "6, 12, 24, 72, 168"),
        ({"hours": "none"}, "hours", "6, 12, 24, 72, 168"),
        ({"mode": "flink"}, "mode", "'python' or 'spark'"),
        ({"colour": "red"}, "colour", "Known: mode"),
        ({"log_level": "LOUD"}, "log_level", "'WARN'"),
        ({"properties": "spark.master=yarn"}, "properties", "spark.master cannot be set"),
        ({"properties": "spark.ui.filters x"}, "properties", "spark.ui.filters cannot be set"),
        ({"properties": "spark.ssl.enabled true"}, "properties", "spark.ssl.enabled cannot"),
        ({"properties": "spark.driver.memory=9g"}, "properties", "use Driver memory"),
        ({"properties": "spark.a=1\nnonsense"}, "properties", "Line 2"),
        ({"properties": "a.b=1"}, "properties", "Line 1"),
    ],
)
def test_read_refuses_at_the_field_with_what_is_allowed(
    raw: dict[str, Any], field: str, allowed: str
) -> None:
    with pytest.raises(InvalidForm) as refused:
        rules.read(raw, BASE, LIMITS)
    assert allowed in refused.value.faults[field]
    assert list(refused.value.faults) == [field]


def test_read_names_every_wrong_field() -> None:
    with pytest.raises(InvalidForm) as refused:
        rules.read({"mode": "spark", "driver_memory": "x", "executor_cores": -1}, BASE, LIMITS)
    assert set(refused.value.faults) == {"driver_memory", "executor_cores"}


def test_read_does_not_look_at_fields_of_other_modes() -> None:
    assert rules.read({"driver_memory": "x"}, BASE, LIMITS).driver_memory == BASE.driver_memory
    assert rules.read({"hours": "none"}, BASE, Limits(unlimited_hours=True)).hours is None


def test_session_request_static() -> None:
    chosen = JupyterSettings(mode="spark", executors=3, driver_cores=2, properties="spark.x = a=b")
    request = rules.session_request(chosen)
    conf = request.pop("conf")
    assert request == {
        "driverMemory": "2048m",
        "driverCores": 2,
        "executorMemory": "4096m",
        "executorCores": 1,
        "numExecutors": 3,
    }
    assert conf == {
        "spark.log.level": "WARN",
        "spark.dynamicAllocation.enabled": "false",
        "spark.x": "a=b",
    }


def test_session_request_dynamic() -> None:
    chosen = JupyterSettings(
        mode="spark", allocation="dynamic", executors_min=1, executors_max=4, log_level="INFO"
    )
    request = rules.session_request(chosen)
    assert "numExecutors" not in request
    assert request["conf"] == {
        "spark.log.level": "INFO",
        "spark.dynamicAllocation.enabled": "true",
        "spark.dynamicAllocation.minExecutors": "1",
        "spark.dynamicAllocation.maxExecutors": "4",
        "spark.dynamicAllocation.initialExecutors": "1",
        "spark.dynamicAllocation.shuffleTracking.enabled": "true",
    }


def test_session_request_takes_the_users_own_property() -> None:
    chosen = JupyterSettings(mode="spark", properties="# mine\n\nspark.log.level ERROR")
    assert rules.session_request(chosen)["conf"]["spark.log.level"] == "ERROR"


async def test_settings_are_remembered_per_member_and_project(
    projects: Projects, jupyter: Jupyter
) -> None:
    for name in ("one", "two"):
        await projects.create(name, "", "ada")
    await projects.add_member("one", "bob", "data_scientist")
    await jupyter.remember("ada", "one", {"mode": "spark", "executors": "5"})
    await jupyter.remember("ada", "one", {"hours": "12"})
    kept = await jupyter.recall("ada", "one")
    assert (kept.mode, kept.executors, kept.hours) == ("spark", 5, 12)
    assert (await jupyter.recall("ada", "two")).mode == "python"
    assert (await jupyter.recall("bob", "one")).mode == "python"


async def test_a_wrong_form_changes_nothing(projects: Projects, jupyter: Jupyter) -> None:
    await projects.create("one", "", "ada")
    with pytest.raises(InvalidForm):
        await jupyter.remember("ada", "one", {"memory": 4096, "hours": 1})
    assert (await jupyter.recall("ada", "one")).memory == 2048


async def test_who_is_no_member_plans_nothing(projects: Projects, jupyter: Jupyter) -> None:
    await projects.create("one", "", "ada")
    for project in ("one", "none"):
        with pytest.raises(NotFound):
            await jupyter.plan_server("eve", project)
        with pytest.raises(NotFound):
            await jupyter.recall("eve", project)
        with pytest.raises(NotFound):
            await jupyter.remember("eve", project, {})
    assert await jupyter.record("eve", "one") is None


async def test_plan_report_extend(projects: Projects, jupyter: Jupyter) -> None:
    await projects.create("one", "", "ada")
    await jupyter.remember("ada", "one", {"interface": "classic", "memory": 4096, "cores": 2})
    plan = await jupyter.plan_server("ada", "one")
    assert (plan.memory_mb, plan.cores, plan.default_url) == (4096, 2, "/nbclassic/tree")
    assert plan.session_request == {}
    assert plan.expires_at is not None
    assert abs(plan.expires_at - now() - timedelta(hours=6)) < timedelta(minutes=1)
    await jupyter.report("ada", "one", state="starting", step="Starting Jupyter")
    record = await jupyter.record("ada", "one")
    assert record and (record.state, record.step) == (ServerState.STARTING, "Starting Jupyter")
    await jupyter.report("ada", "one", state="running")
    longer = await jupyter.extend("ada", "one")
    assert longer == plan.expires_at + timedelta(hours=6)
    assert await jupyter.expires_at("ada", "one") == longer
    for _ in range(40):
        longest = await jupyter.extend("ada", "one")
    assert longest and longest - now() <= timedelta(hours=168)
    await jupyter.report("ada", "one", state="failed", error="No memory.")
    record = await jupyter.record("ada", "one")
    assert record and record.error == "No memory."
    with pytest.raises(Conflict):
        await jupyter.extend("ada", "one")


async def test_report_of_a_server_never_planned_does_nothing(
    projects: Projects, jupyter: Jupyter
) -> None:
    await projects.create("one", "", "ada")
    await jupyter.report("ada", "one", state="stopped")
    assert await jupyter.record("ada", "one") is None
