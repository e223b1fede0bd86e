"""Airflow's Livy provider: its hook, and its operator as a task would run it.

Run by tests/contract/test_clients.py in .venv-clients, with the connection `livy_default` in the
environment. Prints one JSON object.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from airflow.providers.apache.livy.hooks.livy import BatchState, LivyHook
from airflow.providers.apache.livy.operators.livy import LivyOperator


class Pushed:
    """The part of a task instance that the operator uses."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.stats_tags: dict[str, str] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.values[key] = value


def main(file: str) -> dict[str, Any]:
    hook = LivyHook()
    waits = LivyOperator(
        task_id="waits",
        file=file,
        args=["7"],
        conf={"spark.sql.shuffle.partitions": 3},
        driver_memory="512m",
        name="from-airflow",
        polling_interval=1,
    )
    task = Pushed()
    batch = waits.execute({"ti": task})
    failing = hook.post_batch(file=file, args=["not a number"])
    states = set()
    while (state := hook.get_batch_state(failing)) not in hook.TERMINAL_STATES:
        states.add(state.value)
    deleted = hook.delete_batch(failing)
    return {
        "app": task.values.get("app_id"),
        "state": hook.get_batch_state(batch).value,
        "batch": hook.get_batch(batch),
        "log": hook.get_batch_logs(batch, 0, 1000)["log"],
        "failed": state is BatchState.DEAD,
        "states": sorted(states),
        "deleted": deleted,
    }


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1])))
