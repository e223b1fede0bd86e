"""The Livy server's benchmarks: another server's figures stand beside ours."""

from __future__ import annotations

from benchmarks.livy.__main__ import beside, page
from benchmarks.measure import Row


def test_another_servers_figures_stand_beside_ours() -> None:
    mine = [Row("start", "2 s", "bare 2 s", "1.0 ×", "1.15 ×"), Row("memory", "100 MB")]
    rows = beside(mine, [Row("start", "9 s", "bare 2 s", "4.5 ×"), Row("other", "1")])
    assert rows == [Row("start", "2 s", "9 s", "-", "1.15 ×"), Row("memory", "100 MB")]
    assert "| start | 2 s | 9 s | - | 1.15 × |" in page(rows, 0.0)
