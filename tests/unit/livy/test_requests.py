"""Bodies of requests: what is taken, what is refused and with which words."""

from __future__ import annotations

import pytest

from hopyard.errors import InvalidInput
from hopyard.livy.requests import (
    AskInspection,
    CreateBatch,
    CreateSession,
    RunStatement,
    parse,
    seconds,
)


def test_session_of_every_field_is_taken() -> None:
    body = b"""{"kind": "pyspark", "name": "n", "proxyUser": null, "jars": [], "pyFiles": [],
        "files": [], "archives": [], "driverMemory": "2g", "driverCores": 1,
        "executorMemory": "512m", "executorCores": 1, "numExecutors": 2, "queue": "q",
        "conf": {"spark.a": 1, "spark.b": true, "spark.c": "x"},
        "heartbeatTimeoutInSecond": 60, "ttl": "10m", "idleTimeout": "1h"}"""
    request = parse(CreateSession, body)
    assert request.conf_texts() == {"spark.a": "1", "spark.b": "true", "spark.c": "x"}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{bad", "Invalid JSON"),
        (b"[]", "object"),
        (b'{"nosuch": 1}', 'Unrecognized field "nosuch"'),
        (b'{"kind": "cobol"}', "Invalid kind: cobol"),
        (b'{"numExecutors": "x"}', '"numExecutors"'),
        (b'{"numExecutors": "2.5"}', '"numExecutors"'),
        (b'{"numExecutors": ""}', '"numExecutors"'),
        (b'{"numExecutors": "-2"}', '"numExecutors"'),
        (b'{"numExecutors": true}', '"numExecutors"'),
        (b'{"driverCores": "99999999999"}', '"driverCores"'),
        (b'{"numExecutors": -1}', '"numExecutors"'),
        (b'{"driverMemory": "lots"}', "512m or 2g"),
        (b'{"driverMemory": 2}', '"driverMemory"'),
        (b'{"ttl": "soon"}', "600s"),
        (b'{"name": ""}', '"name"'),
        (b'{"conf": {"spark.a": []}}', '"conf.spark.a"'),
    ],
)
def test_wrong_session_is_refused(body: bytes, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        parse(CreateSession, body)


@pytest.mark.parametrize("code", ['"\\u0000"', '"\\ud800"', "1", "null"])
def test_code_that_no_database_keeps_is_refused(code: str) -> None:
    with pytest.raises(InvalidInput):
        parse(RunStatement, f'{{"code": {code}}}'.encode())


def test_numbers_may_be_texts() -> None:
    body = b"""{"numExecutors": "2", "driverCores": " 1 ", "executorCores": "3",
        "heartbeatTimeoutInSecond": "60"}"""
    request = parse(CreateSession, body)
    assert (request.numExecutors, request.driverCores, request.executorCores) == (2, 1, 3)
    assert request.heartbeatTimeoutInSecond == 60
    assert parse(CreateBatch, b'{"numExecutors": "2"}').numExecutors == 2
    assert parse(AskInspection, b'{"code": "a", "cursor": "1", "detail": "1"}').cursor == 1


def test_written_down_names_are_read_whatever_they_are() -> None:
    assert CreateSession.model_validate({"name": "a/b"}, strict=False).name == "a/b"


def test_time_without_unit_is_milliseconds() -> None:
    assert [seconds(span) for span in ("10m", "1h", "1500", None)] == [600, 3600, 1.5, None]
