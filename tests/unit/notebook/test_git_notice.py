"""What JupyterLab and the Classic Notebook say of Git."""

from __future__ import annotations

from typing import Any

import pytest

from hopyard.notebook.git.notice import WAITS, notice


@pytest.fixture(autouse=True)
def project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOPYARD_PROJECT", "demo")


def last(state: str, **data: Any) -> dict[str, Any]:
    outcome = {
        "state": state,
        "sentence": "So it is.",
        "data": {"conflicts": [], "rescues": [], **data},
    }
    return {"job": "open", "at": "2026-11-25T09:00:00Z", "outcome": outcome}


def test_nothing_is_said_where_all_is_well() -> None:
    assert notice(None)["text"] == ""
    assert notice(last("done"))["text"] == ""


def test_what_is_left_to_do_is_said_with_the_page() -> None:
    said = notice(last("attention", conflicts=[f"{n}.ipynb" for n in range(7)]))
    assert said["text"] == ("So it is. In: 0.ipynb, 1.ipynb, 2.ipynb, 3.ipynb, 4.ipynb …")
    assert said["address"] == "/projects/demo/jupyter"
    assert said["id"] == "2026-11-25T09:00:00Z"


def test_a_rescue_that_waits_is_said_although_all_went_well() -> None:
    assert notice(last("done", rescues=[{"name": "one"}]))["text"] == WAITS
