"""Tables with buttons for charts: every chart of every kind of column, or a sentence why not."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pandas
import pytest
from matplotlib import pyplot

from hopyard.notebook.kernels import picker
from hopyard.notebook.kernels.charts import FUNCTIONS, KINDS, Chart, NoChart, draw, suggested

PNG = b"\x89PNG"
FRAME = pandas.DataFrame(
    {
        "text": ["b", "a", None, "a"],
        "whole": [1, 2, 3, 4],
        "missing": [1.5, None, float("nan"), 2.0],
        "money": [Decimal("1.10"), Decimal("2.20"), None, Decimal("3.30")],
        "day": [date(2026, 1, day) for day in (3, 1, 2, 1)],
        "instant": pandas.to_datetime(["2026-01-01", "2026-01-02", None, "2026-01-03"], utc=True),
        "yes": [True, False, True, True],
        "list": [[1], [2], [1], []],
        "$m ^_": [4, 3, 2, 1],
    }
)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("x", ["text", "whole", "missing", "instant", "list"])
def test_every_chart_takes_every_column_along(kind: str, x: str) -> None:
    function = "as it is" if kind in ("Scatter", "Line") else "sum"
    assert draw(FRAME, Chart(kind, x, "$m ^_", function)).startswith(PNG)
    assert not pyplot.get_fignums(), "the user's current figure is left alone"


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("y", ["text", "missing", "money", "yes", "day"])
def test_every_function_takes_every_column_up_or_says_why_not(function: str, y: str) -> None:
    try:
        assert draw(FRAME, Chart("Bar", "text", y, function)).startswith(PNG)
    except NoChart as error:
        assert y in ("text", "day") and "has no numbers" in str(error)


@pytest.mark.parametrize(
    ("chart", "words"),
    [
        (Chart("Line", "whole", "text"), "has no numbers"),
        (Chart("Bar", "text", "whole", log_x=True), "cannot be logarithmic"),
    ],
)
def test_what_cannot_be_drawn_says_what_can(chart: Chart, words: str) -> None:
    with pytest.raises(NoChart, match=words):
        draw(FRAME, chart)


def test_many_slices_and_bars_are_kept_readable() -> None:
    frame = pandas.DataFrame({"x": [str(n) for n in range(500)], "y": range(500)})
    assert draw(frame, Chart("Pie", "x", "y")).startswith(PNG)
    with pytest.raises(NoChart, match="500 bars"):
        draw(frame, Chart("Bar", "x", "y"))
    with pytest.raises(NoChart, match="negative"):
        draw(frame.assign(y=-1), Chart("Pie", "x", "y"))
    with pytest.raises(NoChart, match="no rows"):
        draw(frame.head(0), Chart("Line", "x", "y"))


def test_chart_begins_with_a_name_along_and_a_number_up() -> None:
    assert suggested(FRAME) == ("text", "whole")
    assert suggested(FRAME[["whole", "missing"]]) == ("whole", "missing")


def test_buttons_change_what_is_shown() -> None:
    shown = picker.Picker(FRAME)
    assert len(shown.box.children) == 2
    for kind in KINDS:
        shown.kind.value = kind
        assert bytes(shown.box.children[-1].value).startswith(PNG)
    shown.y.value = "text"
    assert "has no numbers" in shown.box.children[-1].value
    shown.kind.value = picker.TABLE
    assert "4 rows × 9 columns" in shown.box.children[-1].value


def test_table_is_escaped_and_says_when_it_is_cut() -> None:
    html = picker.table(pandas.DataFrame({"<b>": ["<script>alert(1)</script>"] * 1500}))
    assert "<script>" not in html and "&lt;script&gt;" in html
    assert "1500 rows × 1 columns, the first 1000 shown" in html


def test_table_is_shown_where_there_are_no_widgets(monkeypatch: pytest.MonkeyPatch) -> None:
    published: list[dict[str, Any]] = []
    monkeypatch.setattr("IPython.display.publish_display_data", published.append)
    picker.show(pandas.DataFrame({"a": ["x"], "b": [1]}))
    picker.show(pandas.DataFrame({"a": ["x"]}))
    assert {"text/plain", "text/html", picker.WIDGET} <= set(published[0])
    assert picker.WIDGET not in published[1], "there is nothing to draw"
