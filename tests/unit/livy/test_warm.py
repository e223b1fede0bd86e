"""Warm sessions: hidden until the right request comes, then taken once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx

from hopyard.livy.access import STANDALONE, Caller
from hopyard.livy.records import Session
from hopyard.livy.requests import CreateSession
from hopyard.livy.sessions import Sessions
from tests.platform import until
from tests.unit.livy.served import served

CONF = {"spark.sql.shuffle.partitions": "3"}
WARM = {"kind": "pyspark", "driverMemory": "1g", "conf": {**CONF, "hopyard.session.warm": "true"}}
LIKE = {"kind": "pyspark", "driverMemory": "1g", "conf": {**CONF, "spark.app.name": "demo: mine"}}


async def post(http: httpx.AsyncClient, body: dict[str, Any], **headers: str) -> dict[str, Any]:
    answer = await http.post("/sessions", json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def listed(http: httpx.AsyncClient, **headers: str) -> list[int]:
    answer = await http.get("/sessions", headers=headers)
    return [one["id"] for one in answer.json()["sessions"]]


async def test_warm_session_is_hidden_and_taken_once(tmp_path: Path) -> None:
    async with served(tmp_path) as http:
        waiting = (await post(http, WARM))["id"]
        assert (await post(http, WARM))["id"] == waiting, "one is enough"
        assert await listed(http) == []
        taken = await post(http, {**LIKE, "name": "mine", "heartbeatTimeoutInSecond": 60})
        assert (taken["id"], taken["name"]) == (waiting, "mine")
        assert taken["conf"] == LIKE["conf"]
        assert await listed(http) == [waiting]
        assert (await post(http, LIKE))["id"] != waiting


async def test_other_configuration_starts_cold(tmp_path: Path) -> None:
    async with served(tmp_path) as http:
        waiting = (await post(http, WARM))["id"]
        for other in (
            {**LIKE, "driverMemory": "2g"},
            {**LIKE, "conf": {"spark.sql.shuffle.partitions": "4"}},
            {**LIKE, "conf": {}},
            {**LIKE, "numExecutors": 2},
        ):
            assert (await post(http, other))["id"] != waiting
        assert (await post(http, {**LIKE, "jars": [], "kind": "sql"}))["id"] == waiting


async def test_warm_session_is_its_users_own(tmp_path: Path) -> None:
    async with served(tmp_path, {"ada": "a" * 20, "bob": "b" * 20}) as http:
        ada, bob = {"Authorization": "Bearer " + "a" * 20}, {"Authorization": "Bearer " + "b" * 20}
        waiting = (await post(http, WARM, **ada))["id"]
        assert (await post(http, LIKE, **bob))["id"] != waiting
        assert (await http.get(f"/sessions/{waiting}", headers=bob)).status_code == 404
        assert (await post(http, LIKE, **ada))["id"] == waiting


async def test_warm_session_counts_and_gives_its_place(tmp_path: Path) -> None:
    async with served(tmp_path, sessions_per_user=2) as http:
        waiting = (await post(http, WARM))["id"]
        await post(http, {"kind": "pyspark"})
        await post(http, {"kind": "pyspark"})
        assert (await http.post("/sessions", json=LIKE)).status_code == 429
        shown = (await http.get(f"/sessions/{waiting}?wait=0")).json()
        assert shown["state"] == "killed"
        assert "Its place was needed" in shown["log"][-1]


async def test_warm_session_that_was_used_is_nobody_elses(tmp_path: Path) -> None:
    async with served(tmp_path) as http:
        waiting = (await post(http, WARM))["id"]
        answer = await http.post(f"/sessions/{waiting}/statements", json={"code": "1"})
        assert answer.status_code == 201
        assert await listed(http) == [waiting]
        assert (await post(http, LIKE))["id"] != waiting


async def test_warm_is_true_or_false(tmp_path: Path) -> None:
    async with served(tmp_path) as http:
        body = {"kind": "pyspark", "conf": {"hopyard.session.warm": "yes"}}
        answer = await http.post("/sessions", json=body)
        assert answer.status_code == 400
        assert "hopyard.session.warm is either true or false" in answer.json()["msg"]


async def test_server_that_asks_for_another_driver_gives_the_first_back(tmp_path: Path) -> None:
    other = {**WARM, "driverMemory": "2g"}
    async with served(tmp_path) as http:
        transport = http._transport
        assert isinstance(transport, httpx.ASGITransport)
        sessions: Sessions = transport.app.state.services.sessions  # type: ignore[attr-defined]

        async def ask(body: dict[str, Any], server: str | None) -> Session:
            caller = Caller(STANDALONE, "ada", server)
            return await sessions.create(caller, CreateSession.model_validate(body))

        first, of_nobody = await ask(WARM, "demo"), await ask({**WARM, "driverMemory": "3g"}, None)
        used = await ask({**LIKE, "driverMemory": "4g"}, "demo")
        assert (await ask(WARM, "demo")).id == first.id
        second = await ask(other, "demo")

        async def over() -> bool:
            return first.over

        await until("the first is given back", over, 10)
        assert first.reason == "Its Jupyter server asked for another configuration."
        assert not any(one.over for one in (second, of_nobody, used))
