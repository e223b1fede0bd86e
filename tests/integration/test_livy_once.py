"""POSTs whose answer is lost and that are sent again: nothing is made twice."""

from __future__ import annotations

import json
import select
import socket
import threading
import time
import uuid
from collections.abc import Iterator

import httpx
import pytest

from hopyard.notebook.kernels.connection import Http
from tests.integration.livy import Json, Livy, temp_livy, until
from tests.integration.wire import wire_to

APPEND = "with open({file!r}, 'a') as file: print({mark!r}, file=file)\n{mark!r}"
MOMENTS = (None, 0.001, 0.004, 0.01)
"""Seconds from the request to the kill; None: when the answer is there, and is not read."""


@pytest.fixture(scope="module")
def livy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Livy]:
    with temp_livy(tmp_path_factory.mktemp("livy-once")) as server:
        yield server


@pytest.fixture(scope="module")
def session(livy: Livy) -> int:
    return livy.ready()


def killed_before_the_answer(livy: Livy, path: str, body: Json, moment: float | None) -> Json:
    """Send a POST, kill the server before its answer is read; return the second one's answer."""
    key, content = uuid.uuid4().hex, json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(content)}\r\n"
    head += f"Content-Type: application/json\r\nIdempotency-Key: {key}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", livy.port), timeout=20) as wire:
        wire.sendall(head.encode() + content)
        if moment is None:
            assert select.select([wire], [], [], 20)[0]
        else:
            time.sleep(moment)
        livy.kill()
    livy.start()
    answer = livy.http.post(path, json=body, headers={"Idempotency-Key": f'"{key}"'})
    assert answer.status_code == 201, answer.text
    found: Json = answer.json()
    assert answer.headers["location"].endswith(f"{path}/{found['id']}")
    return found


@pytest.mark.parametrize("moment", MOMENTS)
def test_statement_runs_once_whenever_the_server_is_killed(
    livy: Livy, session: int, moment: float | None
) -> None:
    before = livy.http.get(f"/sessions/{session}/statements").json()["total_statements"]
    mark, file = uuid.uuid4().hex, "/project/Jupyter/once.txt"
    code = APPEND.format(file=file, mark=mark)
    shown = killed_before_the_answer(
        livy, f"/sessions/{session}/statements", {"code": code}, moment
    )
    assert (shown["id"], shown["code"], shown["state"]) == (before, code, "waiting")
    assert livy.done(session, before)["output"]["data"] == {"text/plain": repr(mark)}
    listed = livy.http.get(f"/sessions/{session}/statements").json()
    assert listed["total_statements"] == before + 1
    written = livy.data / "projects" / "standalone" / "Jupyter" / "once.txt"
    assert written.read_text().split().count(mark) == 1


def test_session_and_batch_are_made_once(livy: Livy, session: int) -> None:
    before = livy.http.get("/sessions").json()["total"]
    made = killed_before_the_answer(livy, "/sessions", {"kind": "sql"}, None)
    assert livy.http.get("/sessions").json()["total"] == before + 1
    assert livy.http.delete(f"/sessions/{made['id']}").status_code == 200

    folder = livy.data / "projects" / "standalone"
    (folder / "Resources").mkdir(exist_ok=True)
    (folder / "Resources" / "once.py").write_text(
        APPEND.format(file="/project/Jupyter/batch.txt", mark="ran")
    )
    batch = killed_before_the_answer(livy, "/batches", {"file": "Resources/once.py"}, None)
    assert livy.http.get("/batches").json()["total"] == 1

    def over() -> bool:
        state = livy.http.get(f"/batches/{batch['id']}/state").json()["state"]
        return bool(state not in ("starting", "running"))

    until(over, 60, "the batch is over")
    assert (folder / "Jupyter" / "batch.txt").read_text() == "ran\n"


def test_job_is_made_once_and_a_key_is_for_one_request(livy: Livy, session: int) -> None:
    key = {"Idempotency-Key": uuid.uuid4().hex}
    path = f"/sessions/{session}"
    jobs = [
        livy.http.post(
            f"{path}/submit-job", json={"job": "AAAA", "jobType": "pyspark"}, headers=key
        )
        for _ in range(2)
    ]
    assert [one.status_code for one in jobs] == [201, 201]
    assert jobs[0].json()["id"] == jobs[1].json()["id"]
    for body in ({"code": "1"}, {"code": "AAAA"}):
        answer = livy.http.post(f"{path}/statements", json=body, headers=key)
        assert answer.status_code == 400, answer.text
        assert "Idempotency-Key" in answer.json()["msg"]
    for bad in ("", "x" * 129, "a b", "\u00e4"):
        wrong = {"Idempotency-Key": bad.encode("latin-1")}
        answer = livy.http.post(f"{path}/statements", json={"code": "1"}, headers=wrong)
        assert answer.status_code == 400, bad


def test_two_at_once_with_one_key_make_one(livy: Livy, session: int) -> None:
    key, numbers = {"Idempotency-Key": uuid.uuid4().hex}, []

    def post() -> None:
        with httpx.Client(base_url=livy.url, trust_env=False, timeout=30) as http:
            body = {"code": "'both'"}
            answer = http.post(f"/sessions/{session}/statements", json=body, headers=key)
            numbers.append(answer.json()["id"])

    threads = [threading.Thread(target=post) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(30)
    assert len(numbers) == 8
    assert len(set(numbers)) == 1


def test_kernels_send_again_what_had_no_answer(livy: Livy, session: int) -> None:
    path = f"/sessions/{session}/statements"
    before = livy.http.get(path).json()["total_statements"]
    with wire_to(livy.port) as wire:
        wire.lost_answers = 2
        http = Http(f"http://127.0.0.1:{wire.port}", None)
        answer = http.post(path, [201], {"code": "'sent thrice'", "kind": "pyspark"})
        assert wire.dialled == 3
    assert answer.json()["id"] == before
    assert livy.http.get(path).json()["total_statements"] == before + 1
