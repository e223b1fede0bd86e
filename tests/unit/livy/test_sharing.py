"""Who may share a Spark application with whom, and what a request for it may ask for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from hopyard.livy.access import Caller
from hopyard.livy.records import Session
from hopyard.livy.requests import CreateSession
from hopyard.livy.sharing import find
from hopyard.protocol.messages import Join, RoomConfig
from hopyard.protocol.states import SessionState
from hopyard.store.types import now
from tests.unit.livy.served import served

TEAM = {"hopyard.session.share": "team"}
ADA, BOB = ({"Authorization": "Bearer " + letter * 20} for letter in "ab")


async def post(http: httpx.AsyncClient, body: dict[str, Any], **headers: str) -> dict[str, Any]:
    answer = await http.post("/sessions", json={"kind": "pyspark", **body}, headers=headers)
    found: dict[str, Any] = answer.json()
    assert answer.status_code == 201, found
    return found


async def joins(http: httpx.AsyncClient, session: dict[str, Any], **headers: str) -> str:
    """What a session says of whose application it wants to join; empty where it has its own."""
    answer = await http.get(f"/sessions/{session['id']}?wait=0", headers=headers)
    return "".join(answer.json()["log"])


def session(
    project: str, user: str, state: SessionState = SessionState.IDLE, **conf: str
) -> Session:
    return Session(1, project, user, CreateSession(conf={**TEAM, **conf}), now(), state=state)


@pytest.mark.parametrize(
    ("there", "found"),
    [
        (session("p", "ada"), True),
        (session("p", "ada", SessionState.STARTING), True),
        (session("p", "bob"), False),
        (session("other", "ada"), False),
        (session("p", "ada", SessionState.DEAD), False),
        (session("p", "ada", SessionState.SHUTTING_DOWN), False),
        (session("p", "ada", **{"hopyard.session.warm": "true"}), False),
    ],
)
def test_only_ones_own_in_the_same_project_is_found(there: Session, found: bool) -> None:
    assert (find([there], Caller("p", "ada"), "team") is not None) is found
    assert find([there], Caller("p", "ada"), "another") is None


def test_a_manager_finds_nobody_elses() -> None:
    assert find([session("p", "ada")], Caller("p", "root", manages=True), "team") is None


async def test_same_name_of_another_user_is_another_application(tmp_path: Path) -> None:
    async with served(tmp_path, {"ada": "a" * 20, "bob": "b" * 20}) as http:
        first = await post(http, {"conf": TEAM}, **ADA)
        his = await post(http, {"conf": TEAM}, **BOB)
        second = await post(http, {"conf": TEAM}, **ADA)
        assert await joins(http, first, **ADA) == await joins(http, his, **BOB) == ""
        assert f"of session {first['id']}" in await joins(http, second, **ADA)


async def test_every_session_counts(tmp_path: Path) -> None:
    async with served(tmp_path, sessions_per_user=2) as http:
        for _ in range(2):
            await post(http, {"conf": TEAM})
        third = await http.post("/sessions", json={"kind": "pyspark", "conf": TEAM})
        assert third.status_code == 429


async def test_the_same_or_nothing_may_be_asked_for(tmp_path: Path) -> None:
    large = {"driverMemory": "2g", "jars": ["Resources/a.jar"]}
    async with served(tmp_path) as http:
        first = await post(http, {**large, "conf": {**TEAM, "spark.x": "1", "spark.y": True}})
        for same in (
            {"conf": TEAM},
            {**large, "conf": TEAM},
            {"driverMemory": "2048m", "jars": [], "conf": {**TEAM, "spark.y": "true"}},
            {"conf": {**TEAM, "spark.driver.memory": "2g", "spark.app.name": "mine"}},
            {"conf": {**TEAM, "hopyard.session.keep": "true"}, "kind": "sql", "ttl": "1h"},
        ):
            joined = await post(http, same)
            assert f"of session {first['id']}" in await joins(http, joined)
        for other, why in (
            ({"driverMemory": "1g"}, "driverMemory 2g, not 1g"),
            ({"executorCores": 2}, "executorCores (not set), not 2"),
            ({"queue": "fast"}, "queue (not set), not fast"),
            ({"jars": ["Resources/b.jar"]}, "b.jar in jars"),
            ({"conf": {**TEAM, "spark.x": "2"}}, "spark.x 1, not 2"),
            ({"conf": {**TEAM, "spark.z": "2"}}, "spark.z (not set), not 2"),
        ):
            answer = await http.post("/sessions", json={"kind": "pyspark", "conf": TEAM, **other})
            assert answer.status_code == 400
            assert why in answer.json()["msg"], answer.json()
            assert "'team'" in answer.json()["msg"]


async def test_no_secret_is_said(tmp_path: Path) -> None:
    async with served(tmp_path) as http:
        await post(http, {"conf": {**TEAM, "spark.hadoop.fs.s3a.secret.key": "hers"}})
        other = {"conf": {**TEAM, "spark.hadoop.fs.s3a.secret.key": "mine"}}
        answer = await http.post("/sessions", json={"kind": "pyspark", **other})
        assert answer.status_code == 400
        assert "another spark.hadoop.fs.s3a.secret.key" in answer.text
        assert "hers" not in answer.text and "mine" not in answer.text


@pytest.mark.parametrize("name", ["", " a", "a b", "-a", "x" * 65, "ä"])
async def test_names_are_plain(tmp_path: Path, name: str) -> None:
    async with served(tmp_path) as http:
        body = {"kind": "pyspark", "conf": {"hopyard.session.share": name}}
        answer = await http.post("/sessions", json=body)
        assert answer.status_code == 400
        assert "at most 64 letters" in answer.json()["msg"]


async def test_a_warm_session_may_become_the_first(tmp_path: Path) -> None:
    async with served(tmp_path) as http:
        warm = await post(http, {"conf": {**TEAM, "hopyard.session.warm": "true"}})
        first = await post(http, {"conf": TEAM})
        assert first["id"] == warm["id"]
        assert f"of session {first['id']}" in await joins(http, await post(http, {"conf": TEAM}))


def test_secret_of_a_room_is_in_no_representation() -> None:
    room = RoomConfig(session=1, url="ws://127.0.0.1:1/livy/drivers/1", secret="the-secret")
    assert "the-secret" not in repr(Join(room=room)) + str(room)
    assert "the-secret" in Join(room=room).model_dump_json()
