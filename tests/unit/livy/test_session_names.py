"""Names of sessions and batches: each that is taken is an address."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest

from tests.unit.livy.served import served

TAKEN = ("a.b", "50% off", "with space", "🦆", "x" * 255, "a?b#c", "...", "demo: first (ab12)")
REFUSED = ("a/b", ".", "..", "%2e", "a\\b", "a\nb", " a", "12", "١٢", "", "x" * 256)


async def test_name_that_is_taken_can_be_asked_by(tmp_path: Path) -> None:
    async with served(tmp_path, sessions_per_user=20, batches_per_user=20) as http:
        for what, body in (("sessions", {}), ("batches", {"file": "a.py"})):
            for name in TAKEN:
                made = await http.post(f"/{what}", json={**body, "name": name})
                assert made.status_code == 201, made.text
                shown = await http.get(f"/{what}/{quote(name, safe='')}/state")
                assert shown.json()["id"] == made.json()["id"], name


@pytest.mark.parametrize("name", REFUSED)
async def test_name_that_is_no_address_is_refused(tmp_path: Path, name: str) -> None:
    async with served(tmp_path) as http:
        for what, body in (("sessions", {}), ("batches", {"file": "a.py"})):
            answer = await http.post(f"/{what}", json={**body, "name": name})
            assert answer.status_code == 400
            assert '"name"' in answer.json()["msg"]


async def test_id_without_end_is_not_found(tmp_path: Path) -> None:
    async with served(tmp_path) as http:
        for path in (f"/sessions/{'9' * 5000}", f"/batches/{'9' * 5000}/state"):
            assert (await http.get(path)).status_code == 404
