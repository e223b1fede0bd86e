"""A driver that was started beforehand is taken by the first session that asks for its like."""

from __future__ import annotations

from pathlib import Path

from tests.integration.livy import temp_livy, until

CONF = {"spark.master": "local[1]", "spark.sql.shuffle.partitions": "5"}


def test_warm_session_is_idle_at_once_also_after_the_servers_kill(tmp_path: Path) -> None:
    with temp_livy(tmp_path) as livy:
        waiting = livy.ready(driverMemory="1g", conf={**CONF, "hopyard.session.warm": True})
        livy.kill()
        livy.start()
        until(lambda: livy.session(waiting)["state"] == "idle", 60, "its driver dialled home again")
        assert livy.http.get("/sessions").json()["sessions"] == []
        body = {"kind": "pyspark", "driverMemory": "1g", "conf": CONF, "name": "mine"}
        answer = livy.http.post("/sessions", json=body)
        assert answer.status_code == 201
        assert (answer.json()["id"], answer.json()["state"]) == (waiting, "idle")
        code = "spark.conf.get('spark.sql.shuffle.partitions')"
        assert livy.run(waiting, code)["data"]["text/plain"] == "'5'"
        livy.kill()
        livy.start()
        assert [one["name"] for one in livy.http.get("/sessions").json()["sessions"]] == ["mine"]
