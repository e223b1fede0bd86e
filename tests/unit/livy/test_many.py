"""A session with very many statements: single ones and pages are read by their numbers."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import insert

from hopyard.livy.models import StatementRow
from hopyard.settings import Settings
from hopyard.store.engine import make_writer
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
