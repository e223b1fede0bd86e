"""A session with very many statements: single ones and pages are read by their numbers."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import insert

from hopyard.livy import rows
from hopyard.livy.ledger import Ledger
from hopyard.livy.models import StatementRow
from hopyard.settings import Settings
from hopyard.store.engine import make_engine, make_writer
from tests.unit.livy.served import served

MANY = 10_000


async def test_single_statements_and_pages_of_ten_thousand(tmp_path: Path) -> None:
    async with served(tmp_path) as http:
        session = (await http.post("/sessions", json={"kind": "pyspark"})).json()["id"]
    row = {"session": session, "kind": "pyspark", "state": "available", "request": ""}
    row |= {"progress": 1.0, "started": 1, "completed": 2}
    done = [
        {**row, "id": number, "code": f"{number}", "output": {"status": "ok", "data": {}}}
        for number in range(MANY)
    ]
    writer = make_writer(Settings(data_dir=tmp_path).database)
    with writer.begin() as connection:
        connection.execute(insert(StatementRow), done)
    writer.dispose()
    async with served(tmp_path) as http:
        address = f"/sessions/{session}/statements"
        for number in (0, 5000, MANY - 1, 0):
            shown = (await http.get(f"{address}/{number}")).json()
            assert (shown["id"], shown["code"]) == (number, str(number))
        page = (await http.get(address, params={"from": MANY - 2, "size": 5})).json()
        assert page["total_statements"] == MANY
        assert [one["id"] for one in page["statements"]] == [MANY - 2, MANY - 1]
        page = (await http.get(address, params={"size": 2, "order": "desc"})).json()
        assert [one["id"] for one in page["statements"]] == [MANY - 1, MANY - 2]
        assert (await http.get(f"{address}/{MANY}")).status_code == 404
        for order, numbers in (("asc", range(MANY)), ("desc", reversed(range(MANY)))):
            page = (await http.get(address, params={"order": order})).json()
            assert [one["id"] for one in page["statements"]] == list(numbers)


@pytest.mark.parametrize("descending", [False, True])
async def test_large_statements_are_read_one_by_one(tmp_path: Path, descending: bool) -> None:
    async with served(tmp_path) as http:
        session = (await http.post("/sessions", json={"kind": "pyspark"})).json()["id"]
    row = {"session": session, "kind": "pyspark", "state": "available", "request": ""}
    row |= {"progress": 1.0, "started": 1, "completed": 2}
    lengths = [10, 10, rows.PIECE, 10, rows.PIECE // 2, rows.PIECE // 2, 10, 2 * rows.PIECE]
    done = [
        {**row, "id": number, "code": "", "output": {"data": {"text/plain": "x" * length}}}
        for number, length in enumerate(lengths)
    ]
    database = Settings(data_dir=tmp_path).database
    writer = make_writer(database)
    with writer.begin() as connection:
        connection.execute(insert(StatementRow), done)
    ledger = Ledger(make_engine(database), writer)
    ledger.start()
    pieces = [
        [one.id for one in piece]
        async for piece in rows.read_in_pieces(
            ledger, session, first=0, last=len(lengths) - 1, descending=descending
        )
    ]
    await ledger.close()
    expected = [[0, 1], [2], [3, 4], [5, 6], [7]]
    assert pieces == ([[7], [6, 5], [4, 3], [2], [1, 0]] if descending else expected)
